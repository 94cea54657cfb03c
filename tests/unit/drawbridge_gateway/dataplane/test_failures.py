import json

import pytest
from drawbridge_crds.cloud import Provider
from drawbridge_crds.privacy import Privacy
from drawbridge_crds.route import FallbackReason
from drawbridge_gateway.dataplane.failures import (
    ErrorAnswer,
    bridge_failed,
    broken,
    status_failed,
    stream_failed,
    upstream_failed,
)
from drawbridge_gateway.dataplane.tenant import Cloud, Pool
from drawbridge_gateway.protocols.dialect import StreamFailure
from drawbridge_gateway.protocols.errors import NOT_TRANSLATABLE, ApiError
from drawbridge_gateway.upstream.errors import (
    BrokenError,
    BusyError,
    SilentError,
    UnreachableError,
    UpstreamError,
)

POOL = Pool("coder", "coder", Privacy.STANDARD, proven=False, authorization=None)
CLOUD = Cloud("gpt", Provider.OPENAI, None)

UNAVAILABLE, OVERLOADED, TIMEOUT, TOO_LONG = FallbackReason
SECRET = "the prompt's own words"


@pytest.mark.parametrize(
    ("error", "reason", "status", "code"),
    [
        (UnreachableError("x"), UNAVAILABLE, 503, "backend_unavailable"),
        (BrokenError("x"), UNAVAILABLE, 502, "backend_error"),
        (BusyError("x"), OVERLOADED, 503, "backend_overloaded"),
        (SilentError("x"), TIMEOUT, 504, "backend_timeout"),
    ],
    ids=lambda value: value.__class__.__name__ if isinstance(value, UpstreamError) else None,
)
def test_exchanges_without_an_answer(
    error: UpstreamError, reason: FallbackReason, status: int, code: str
) -> None:
    failure = upstream_failed(POOL, error)
    assert (failure.reason, failure.error.status, failure.error.code) == (reason, status, code)


TOO_LONG_TEXTS = {
    "SGLang, input": "The input (900 tokens) is longer than the model's context length (512 tokens).",
    "SGLang, cache": "Input length (900 tokens) exceeds the maximum allowed length (512 tokens). Use a "
    "shorter input or enable --allow-auto-truncate.",
    "SGLang, total": "Requested token count exceeds the model's maximum context length of 512 tokens. You "
    "requested a total of 600 tokens: 500 tokens from the input messages and 100 tokens for the completion.",
    "OpenAI": "This model's maximum context length is 512 tokens. However, you sent 600 tokens.",
    "Anthropic": "prompt is too long: 600 tokens > 512 maximum",
    "Anthropic, with max_tokens": "input length and `max_tokens` exceed context limit: 500 + 100 > 512",
}


@pytest.mark.parametrize("text", TOO_LONG_TEXTS.values(), ids=TOO_LONG_TEXTS.keys())
@pytest.mark.parametrize("target", [POOL, CLOUD], ids=["pool", "cloud"])
def test_a_context_that_is_too_long_is_known_by_its_words_and_told_with_the_limit(
    target: Pool | Cloud, text: str
) -> None:
    failure = status_failed(target, ErrorAnswer(400, json.dumps({"error": {"message": text}})))
    assert failure.reason is TOO_LONG
    assert (failure.error.status, failure.error.code) == (400, "context_length_exceeded")
    assert "of 512 tokens" in failure.error.message


@pytest.mark.parametrize(
    ("target", "status", "retry_after", "reason", "answered", "retry_after_s"),
    [
        pytest.param(POOL, 429, None, OVERLOADED, 429, 1, id="429"),
        pytest.param(POOL, 429, b"7", OVERLOADED, 429, 7, id="429 with retry-after"),
        pytest.param(
            POOL, 429, b"99999999", OVERLOADED, 429, 3600, id="429 with a retry-after beyond reason"
        ),
        pytest.param(POOL, 429, b"Sun, 22 Nov 2026 12:00:00 GMT", OVERLOADED, 429, 1, id="429 with a date"),
        pytest.param(CLOUD, 529, None, OVERLOADED, 529, 1, id="529"),
        pytest.param(CLOUD, 503, b"3", OVERLOADED, 503, 3, id="503 with retry-after"),
        pytest.param(POOL, 503, None, UNAVAILABLE, 502, None, id="503 without"),
        pytest.param(POOL, 500, None, UNAVAILABLE, 502, None, id="500"),
        pytest.param(CLOUD, 502, None, UNAVAILABLE, 502, None, id="502"),
        pytest.param(CLOUD, 504, None, TIMEOUT, 504, None, id="504: the bridge waited long enough"),
        pytest.param(POOL, 401, None, UNAVAILABLE, 502, None, id="an engine that does not know our key"),
        pytest.param(POOL, 404, None, UNAVAILABLE, 502, None, id="an engine without the path"),
        pytest.param(CLOUD, 401, None, UNAVAILABLE, 502, None, id="a bridge that does not know our token"),
        pytest.param(CLOUD, 403, None, None, 403, None, id="a bridge that refuses: nobody else may try"),
        pytest.param(POOL, 400, None, None, 400, None, id="400: the client's own fault"),
        pytest.param(POOL, 422, None, None, 422, None, id="422 likewise"),
        pytest.param(CLOUD, 413, None, None, 413, None, id="413 likewise"),
    ],
)
def test_answers_with_an_error_status(
    *,
    target: Pool | Cloud,
    status: int,
    retry_after: bytes | None,
    reason: FallbackReason | None,
    answered: int,
    retry_after_s: int | None,
) -> None:
    failure = status_failed(target, ErrorAnswer(status, SECRET, retry_after))
    assert (failure.reason, failure.error.status, failure.error.retry_after_s) == (
        reason,
        answered,
        retry_after_s,
    )
    assert SECRET not in failure.error.message
    assert target.name in failure.error.message


def test_a_full_queue_is_overload_also_without_retry_after() -> None:
    assert status_failed(POOL, ErrorAnswer(503, "The request queue is full.")).reason is OVERLOADED


@pytest.mark.parametrize(
    ("text", "param"),
    [
        ("top_p must be in (0, 1], got 7.", "top_p"),
        ("temperature must be a non-negative finite number, got -1.", "temperature"),
        ("password must be hunter2", None),
        ("something else", None),
    ],
)
def test_a_refused_parameter_is_named_when_it_is_one(text: str, param: str | None) -> None:
    failure = status_failed(POOL, ErrorAnswer(400, text))
    assert failure.error.param == param
    assert "hunter2" not in failure.error.message


@pytest.mark.parametrize(
    "name",
    [
        "temperature", "top_p", "top_k", "min_p", "frequency_penalty", "presence_penalty",
        "repetition_penalty", "logit_bias", "max_tokens", "max_completion_tokens",
    ],
)  # fmt: skip
def test_parameters_that_an_engine_may_blame_have_names_that_are_told(name: str) -> None:
    error = status_failed(POOL, ErrorAnswer(400, f"{name} must be another, got 7.")).error
    assert error == ApiError(
        400,
        "invalid_request",
        f'pool "coder" refused the request as invalid: the value of "{name}" is not one it accepts',
        param=name,
    )


WORDS = 'the API key in Secret "openai" is refused'


@pytest.mark.parametrize(
    "body", [{"error": {"message": WORDS}}, {"type": "error", "error": {"message": WORDS}}]
)
@pytest.mark.parametrize(
    ("status", "reason"),
    [(502, UNAVAILABLE), (504, TIMEOUT), (429, OVERLOADED), (503, UNAVAILABLE), (403, None)],
)
def test_the_bridges_words_about_itself_are_passed_on(
    body: dict[str, object], status: int, reason: FallbackReason | None
) -> None:
    failure = bridge_failed(CLOUD, ErrorAnswer(status, json.dumps(body), code="cloud_credentials_refused"))
    assert failure.reason is reason
    assert (failure.error.message, failure.error.code) == (WORDS, "cloud_credentials_refused")


@pytest.mark.parametrize("body", ["", "<html>", "[]", '{"error":"x"}', '{"error":{"message":7}}'])
def test_a_bridge_that_gives_no_words_gets_ours(body: str) -> None:
    failure = bridge_failed(CLOUD, ErrorAnswer(502, body))
    assert (failure.error.message, failure.error.code) == ('cloud "gpt" failed: try again', "backend_error")


def test_of_a_request_that_the_provider_refuses_only_the_code_is_passed_on() -> None:
    body = json.dumps({"error": {"message": f"cannot read {SECRET}"}})
    answer = ErrorAnswer(400, body, code="invalid_request", provider_code="unsupported_parameter")
    failure = bridge_failed(CLOUD, answer)
    assert failure.reason is None
    assert SECRET not in failure.error.message
    assert "(unsupported_parameter)" in failure.error.message
    assert (failure.error.code, failure.error.provider_code) == ("invalid_request", "unsupported_parameter")


def test_a_bridge_that_does_not_take_our_token_is_told_as_such() -> None:
    body = json.dumps({"error": {"message": WORDS}})
    failure = bridge_failed(CLOUD, ErrorAnswer(401, body, code="invalid_bridge_token"))
    assert (failure.reason, failure.error.status) == (UNAVAILABLE, 502)
    assert (failure.error.message, failure.error.code) == (WORDS, "invalid_bridge_token")


@pytest.mark.parametrize("code", ["invalid_type", "invalid_value"])
def test_of_a_request_that_the_bridge_refuses_the_place_is_passed_on(code: str) -> None:
    body = json.dumps({"error": {"message": '"tools[0].name" must be a string', "param": "tools[0].name"}})
    failure = bridge_failed(CLOUD, ErrorAnswer(400, body, code=code))
    assert (failure.reason, failure.unasked) == (None, False)
    assert failure.error == ApiError(400, code, '"tools[0].name" must be a string', param="tools[0].name")


def test_a_context_too_long_for_a_cloud_is_told_in_our_words() -> None:
    body = json.dumps({"error": {"message": TOO_LONG_TEXTS["OpenAI"] + SECRET}})
    failure = bridge_failed(CLOUD, ErrorAnswer(400, body, code="context_length_exceeded"))
    assert (failure.reason, failure.error.code) == (TOO_LONG, "context_length_exceeded")
    assert SECRET not in failure.error.message


@pytest.mark.parametrize(
    ("failure", "reason", "status"),
    [
        pytest.param(StreamFailure(0, ""), UNAVAILABLE, 502, id="an event that says nothing"),
        pytest.param(StreamFailure(500, SECRET), UNAVAILABLE, 502, id="an engine's fault"),
        pytest.param(StreamFailure(503, "The request queue is full."), OVERLOADED, 503, id="a full queue"),
        pytest.param(StreamFailure(529, SECRET), OVERLOADED, 529, id="an overloaded cloud"),
        pytest.param(StreamFailure(400, SECRET), None, 400, id="the client's own fault"),
        pytest.param(
            StreamFailure(0, TOO_LONG_TEXTS["OpenAI"]), TOO_LONG, 400, id="too long, without a status"
        ),
        pytest.param(StreamFailure(400, TOO_LONG_TEXTS["SGLang, input"]), TOO_LONG, 400, id="too long"),
        pytest.param(
            StreamFailure(500, TOO_LONG_TEXTS["SGLang, cache"]), TOO_LONG, 400, id="too long, as a fault"
        ),
    ],
)
def test_errors_that_came_as_events(
    failure: StreamFailure, reason: FallbackReason | None, status: int
) -> None:
    judged = stream_failed(POOL, failure)
    assert (judged.reason, judged.error.status) == (reason, status)
    assert SECRET not in judged.error.message


def test_an_answer_that_broke_off_lets_another_try() -> None:
    assert broken(POOL).reason is UNAVAILABLE


def test_what_cannot_be_said_is_told_with_its_field_and_what_to_do() -> None:
    body = json.dumps({"error": {"message": '"n" cannot be said in it: ask once', "param": "n"}})
    failure = bridge_failed(CLOUD, ErrorAnswer(400, body, code=NOT_TRANSLATABLE))
    error = failure.error
    assert failure.unasked
    assert (error.status, error.code, error.param) == (400, "not_translatable", "n")
    assert error.message == 'cloud "gpt" cannot be asked this: "n" cannot be said in it: ask once'
