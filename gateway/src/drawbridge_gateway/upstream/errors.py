"""How an exchange with an upstream server fails."""


class UpstreamError(Exception):
    """An exchange ended without a complete answer."""


class UnreachableError(UpstreamError):
    """No connection came about: nothing was sent."""


class BusyError(UpstreamError):
    """Every endpoint has as many requests as this process gives it."""


class BrokenError(UpstreamError):
    """The connection ended, or spoke no HTTP/1.1, before the answer was complete."""


class SilentError(UpstreamError):
    """The server did not say anything more within the time limit."""


class AbandonedError(UpstreamError):
    """The client left, so the exchange was ended from our side."""
