"""The path of one request (read, decide, dispatch, account), and the state that it is decided by."""
