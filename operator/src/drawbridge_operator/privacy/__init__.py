"""Isolation of the engines."""
