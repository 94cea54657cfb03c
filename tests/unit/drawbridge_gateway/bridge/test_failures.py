"""How a provider's failures are told. What the stand-in can do is proven in tests/integration/bridge."""

from typing import Any

import pytest
from drawbridge_gateway.bridge.failures import (
    retry_after_s,
    status_failure,
    told_failure,
    untranslatable_answer,
)
from drawbridge_gateway.bridge.translate.shapes import CutAnswerError, FailedAnswerError, MalformedAnswerError

from tests.unit.drawbridge_gateway.policies import CLAUDE, GPT

NOW_S = 1_795_360_000.0  # Sun, 22 Nov 2026 15:06:40 GMT


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        pytest.param("7", 7, id="seconds"),
        pytest.param("0", 0, id="now"),
        pytest.param("1.2", 2, id="a fraction is rounded up"),
        pytest.param("Sun, 22 Nov 2026 15:07:10 GMT", 30, id="a date"),
        pytest.param("Sun, 22 Nov 2026 15:00:00 GMT", 0, id="a date in the past"),
        pytest.param("86400", 3600, id="longer than an hour is as good as never"),
        pytest.param("soon", None, id="neither"),
        pytest.param("-1", None, id="negative"),
        pytest.param("", None, id="empty"),
        pytest.param(None, None, id="absent"),
        pytest.param("9" * 400, 3600, id="absurd"),
    ],
)
def test_retry_after(value: str | None, seconds: int | None) -> None:
    assert retry_after_s(value, NOW_S) == seconds


def body(**error: Any) -> dict[str, Any]:
    return {"type": "error", "error": error}


@pytest.mark.parametrize(
    ("answer", "provider_code", "words"),
    [
        pytest.param(
            {"message": "m", "code": "bad_value"}, "bad_value", "m", id="OpenAI's, as its SDK unwraps it"
        ),
        pytest.param(
            body(type="invalid_request_error", message="m"), "invalid_request_error", "m", id="Anthropic's"
        ),
        *(
            pytest.param(body(code=code, message="m"), code, "m", id=f"{code}, which is ours too")
            for code in ("not_translatable", "privacy_refused")
        ),
        pytest.param("<html>", None, "it gave no reason", id="a page of some proxy"),
        pytest.param(None, None, "it gave no reason", id="nothing"),
        pytest.param({"message": "a\r\nb\x00c"}, None, "a  b c", id="control characters go"),
        pytest.param({"message": "m", "code": "Ünfit"}, None, "m", id="a code that is none"),
        pytest.param({"message": "x" * 900}, None, "x" * 500, id="long words are cut"),
    ],
)
def test_words_about_the_clients_own_fault(answer: object, provider_code: str | None, words: str) -> None:
    error = status_failure(CLAUDE, 400, answer, {}, NOW_S)

    assert (error.status, error.code, error.provider_code) == (400, "invalid_request", provider_code)
    assert error.message == f'cloud "claude" refuses this request: {words}'


def test_an_account_without_credit_is_not_the_clients_fault() -> None:
    words = "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing."
    error = status_failure(CLAUDE, 400, body(type="invalid_request_error", message=words), {}, NOW_S)

    assert (error.status, error.code) == (502, "cloud_failed")
    assert "credit" in error.message


@pytest.mark.parametrize(
    ("status", "answer", "code"),
    [
        pytest.param(
            400,
            body(type="invalid_request_error", message="prompt is too long: 9 tokens > 8 maximum"),
            "context_length_exceeded",
            id="a full context, for which Anthropic has these words only",
        ),
        pytest.param(
            400,
            body(
                type="invalid_request_error",
                message="input length and `max_tokens` exceed context limit: 178959 + 64000 > 200000",
            ),
            "context_length_exceeded",
            id="a context that max_tokens overflows, in Anthropic's words",
        ),
        pytest.param(
            400,
            {"message": "m", "code": "context_length_exceeded"},
            "context_length_exceeded",
            id="a full context, by OpenAI's code",
        ),
        pytest.param(413, {"message": "m", "code": "x"}, "request_too_large", id="too large a request"),
    ],
)
def test_faults_of_the_client_that_have_a_code_of_ours(status: int, answer: object, code: str) -> None:
    error = status_failure(CLAUDE, status, answer, {}, NOW_S)

    assert (error.status, error.code, error.provider_code) == (status, code, None)


@pytest.mark.parametrize("status", [301, 307, 401, 402, 403, 404, 405, 409, 418, 500, 502, 599])
def test_words_about_anything_else_are_ours(status: int) -> None:
    error = status_failure(GPT, status, {"message": "key sk-abc is bad"}, {}, NOW_S)

    assert error.status == 502
    assert "sk-abc" not in error.message


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (FailedAnswerError(), "cloud_failed"),
        (CutAnswerError(), "cloud_answer_broken"),
        (MalformedAnswerError(), "cloud_answer_malformed"),
        (ValueError(), "cloud_answer_malformed"),
    ],
)
def test_answers_that_cannot_be_told(error: ValueError, code: str) -> None:
    failure = untranslatable_answer(CLAUDE, error)
    assert (failure.status, failure.code) == (502, code)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        pytest.param({"type": "overloaded_error"}, 529, "cloud_overloaded", id="Anthropic's type"),
        pytest.param({"type": "rate_limit_error"}, 429, "cloud_rate_limited", id="a limit"),
        pytest.param({"type": "tokens", "code": "rate_limit_exceeded"}, 429, "cloud_rate_limited", id="code"),
        pytest.param({"type": "timeout_error"}, 504, "cloud_timeout", id="a time-out"),
        pytest.param({"type": "api_error"}, 502, "cloud_failed", id="a failure"),
        pytest.param({"code": 429, "message": "m"}, 429, "cloud_rate_limited", id="OpenRouter's status"),
        pytest.param({"code": "503"}, 503, "cloud_unavailable", id="a status as a text"),
        pytest.param({"code": 500}, 502, "cloud_failed", id="a status of failure"),
        pytest.param({"code": 401}, 502, "cloud_credentials_refused", id="the key"),
        pytest.param({"code": 7}, 502, "cloud_failed", id="a number that is no status"),
        pytest.param({"code": 10**400}, 502, "cloud_failed", id="an absurd number"),
        pytest.param(
            {"code": 400, "type": "BadRequestError", "message": "maximum context length is 8"},
            400, "invalid_request", id="the client's fault",
        ),
        pytest.param(
            {"code": 400, "type": "invalid_request_error", "message": "m"},
            400, "invalid_request", id="the client's fault, with a type",
        ),
        pytest.param("no", 502, "cloud_failed", id="words"),
        pytest.param(None, 502, "cloud_failed", id="nothing"),
    ],
)  # fmt: skip
def test_an_error_that_is_told_counts_as_its_status(error: object, status: int, code: str) -> None:
    failure = told_failure(CLAUDE, error)
    assert (failure.status, failure.code) == (status, code)
