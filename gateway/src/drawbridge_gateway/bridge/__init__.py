"""The bridge: the only component with a way out. It holds the cloud keys and re-checks every request."""
