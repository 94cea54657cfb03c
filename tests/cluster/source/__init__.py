"""A real single-node Kubernetes from source, without Docker: see lifecycle.py for the story."""
