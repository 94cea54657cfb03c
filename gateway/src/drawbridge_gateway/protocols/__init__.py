"""The two protocols that clients speak, and the event streams of both."""
