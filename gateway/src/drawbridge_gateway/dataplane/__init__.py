"""The path of one request: read, decide, dispatch, account."""
