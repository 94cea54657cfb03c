"""What privacy asks of a namespace and its pools: its floor, the isolation of the engines."""
