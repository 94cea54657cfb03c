"""What a request comes to as its backends fail one after the other, and who tries next. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from drawbridge_gateway.dataplane.failures import REFUSED_BY_BRIDGE, Failure
from drawbridge_gateway.dataplane.tenant import Candidate


def after(before: Failure | None, failure: Failure) -> Failure:
    """Return what a request has come to with `failure`, when `before` is what it had come to.

    A fallback that cannot be asked, or finds fault with the request, hides no failure of the backend before
    it, which might well have answered: that one's error is what the client is told, with a word on the
    other.
    """
    if before is None or failure.reason is not None or failure.cause == REFUSED_BY_BRIDGE:
        return failure
    if before.unasked and not failure.unasked:
        return failure
    error = replace(before.error, message=f"{before.error.message}; {failure.error.message}")
    return replace(before, error=error, reason=before.reason if failure.unasked else None)


def next_candidate(candidates: Sequence[Candidate], start: int, failure: Failure) -> int | None:
    """Return the index, from `start` on, of the candidate that may try after a failure; None: nobody."""
    for index in range(start, len(candidates)):
        when = candidates[index].when
        if failure.unasked or (failure.reason is not None and (when is None or failure.reason in when)):
            return index
    return None
