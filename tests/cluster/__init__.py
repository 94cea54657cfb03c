"""Find or make a cluster (existing, kind, from source) behind one small interface: see provider.py."""
