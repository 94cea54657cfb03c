"""Why a request gets no answer; each protocol gives these its own shape."""


class RefusedError(Exception):
    """The request is answered with an error status; `message` None is the protocol's usual text for it."""

    def __init__(
        self,
        status: int,
        message: str | None = None,
        *,
        param: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.retry_after_s = status, message, param, retry_after_s


class BadRequestError(RefusedError):
    """A request that the real service answers with 400; `param` names the offending field."""

    def __init__(self, param: str, problem: str) -> None:
        super().__init__(400, f"{param}: {problem}", param=param)


class ClientLeftError(Exception):
    """The client closed its connection before it had the whole answer."""
