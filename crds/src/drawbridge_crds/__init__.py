"""The contract of Drawbridge: both custom resources, the gateway snapshot and their pure compilation.

Operator, gateway and command line share this package; it imports pydantic and nothing of theirs.
"""
