import pytest
from drawbridge_crds.cloud import Provider
from drawbridge_crds.privacy import Privacy
from drawbridge_crds.route import FallbackReason
from drawbridge_gateway.dataplane.failures import ErrorAnswer, Failure, bridge_failed, upstream_failed
from drawbridge_gateway.dataplane.fallback import after, next_candidate
from drawbridge_gateway.dataplane.tenant import Candidate, Cloud, Pool
from drawbridge_gateway.protocols.errors import NOT_TRANSLATABLE, ApiError
from drawbridge_gateway.upstream.errors import UnreachableError

POOL = Pool("coder", "coder", Privacy.STANDARD, proven=False, authorization=None)
CLOUD = Cloud("gpt", Provider.OPENAI, None)

UNAVAILABLE, _, TIMEOUT, TOO_LONG = FallbackReason

FIRST = Candidate(POOL)
ON_TIMEOUT = Candidate(CLOUD, frozenset({TIMEOUT}))
ON_ALL = Candidate(CLOUD, frozenset(FallbackReason))


@pytest.mark.parametrize(
    ("candidates", "start", "reason", "following"),
    [
        pytest.param((FIRST, ON_ALL), 1, UNAVAILABLE, 1, id="the next, when it may"),
        pytest.param((FIRST, ON_TIMEOUT), 1, UNAVAILABLE, None, id="nobody, when it may not"),
        pytest.param((FIRST, ON_TIMEOUT, ON_ALL), 1, UNAVAILABLE, 2, id="the one after, when that may"),
        pytest.param((FIRST, ON_TIMEOUT, ON_ALL), 2, TIMEOUT, 2, id="never one before"),
        pytest.param((FIRST, ON_ALL), 2, UNAVAILABLE, None, id="nobody after the last"),
        pytest.param((FIRST, FIRST), 1, None, None, id="nobody when the fault is the client's"),
        pytest.param((FIRST, FIRST), 1, TOO_LONG, 1, id="a backend of the route itself, whatever the reason"),
    ],
)
def test_who_tries_next(
    candidates: tuple[Candidate, ...], start: int, reason: FallbackReason | None, following: int | None
) -> None:
    failure = Failure(reason, ApiError(503, "code", "words"), "cause")
    assert next_candidate(candidates, start, failure) == following


NOT_ASKED = bridge_failed(CLOUD, ErrorAnswer(400, "", code=NOT_TRANSLATABLE))
POOL_DOWN = upstream_failed(POOL, UnreachableError("x"))
CLOUD_FAILED = bridge_failed(CLOUD, ErrorAnswer(500, ""))
REFUSED = bridge_failed(CLOUD, ErrorAnswer(400, "", code="invalid_request"))
FORBIDDEN = bridge_failed(CLOUD, ErrorAnswer(403, "", code="privacy_refused"))


def test_whoever_comes_after_a_cloud_that_cannot_be_asked_is_tried() -> None:
    assert next_candidate((FIRST, ON_TIMEOUT), 1, NOT_ASKED) == 1
    assert next_candidate((FIRST,), 1, NOT_ASKED) is None


@pytest.mark.parametrize(
    ("before", "failure", "code", "reason"),
    [
        pytest.param(None, NOT_ASKED, NOT_TRANSLATABLE, None, id="the first cannot be asked"),
        pytest.param(
            POOL_DOWN, NOT_ASKED, "backend_unavailable", UNAVAILABLE, id="the pool's failure stays the reason"
        ),
        pytest.param(
            POOL_DOWN,
            REFUSED,
            "backend_unavailable",
            None,
            id="a fault of the request ends it, but hides nothing",
        ),
        pytest.param(POOL_DOWN, CLOUD_FAILED, "backend_error", UNAVAILABLE, id="the last failure is told"),
        pytest.param(POOL_DOWN, FORBIDDEN, "privacy_refused", None, id="the bridge's refusal hides all"),
        pytest.param(
            NOT_ASKED, POOL_DOWN, "backend_unavailable", UNAVAILABLE, id="a failure after it counts"
        ),
        pytest.param(NOT_ASKED, REFUSED, "invalid_request", None, id="so does a fault of the request"),
        pytest.param(NOT_ASKED, NOT_ASKED, NOT_TRANSLATABLE, None, id="nobody can be asked"),
    ],
)
def test_what_a_request_comes_to(
    before: Failure | None, failure: Failure, code: str, reason: FallbackReason | None
) -> None:
    found = after(before, failure)
    assert (found.error.code, found.reason) == (code, reason)
    assert failure.error.message in found.error.message
    if code == "backend_unavailable" and before is POOL_DOWN:
        assert 'pool "coder"' in found.error.message
        assert found.error.retry_after_s == 1
