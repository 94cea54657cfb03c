import json

import pytest
from drawbridge_gateway.protocols.api_protocol import ApiProtocol
from drawbridge_gateway.protocols.errors import ApiError, error_body, error_event

ERROR = ApiError(404, "model_not_found", "no such model", param="model")


def test_openai_shape() -> None:
    assert json.loads(error_body(ApiProtocol.OPENAI, ERROR, "req_1")) == {
        "error": {
            "message": "no such model",
            "type": "invalid_request_error",
            "param": "model",
            "code": "model_not_found",
        }
    }


def test_openai_clients_see_the_providers_own_code_where_there_is_one() -> None:
    error = ApiError(400, "invalid_request", "m", provider_code="unsupported_parameter")

    assert json.loads(error_body(ApiProtocol.OPENAI, error, ""))["error"]["code"] == "unsupported_parameter"


def test_anthropic_shape() -> None:
    assert json.loads(error_body(ApiProtocol.ANTHROPIC, ERROR, "req_1")) == {
        "type": "error",
        "error": {"type": "not_found_error", "message": "no such model"},
        "request_id": "req_1",
    }


@pytest.mark.parametrize(
    ("status", "anthropic", "openai"),
    [
        (400, "invalid_request_error", "invalid_request_error"),
        (401, "authentication_error", "authentication_error"),
        (403, "permission_error", "permission_error"),
        (404, "not_found_error", "invalid_request_error"),
        (405, "invalid_request_error", "invalid_request_error"),
        (413, "request_too_large", "invalid_request_error"),
        (429, "rate_limit_error", "rate_limit_error"),
        (500, "api_error", "api_error"),
        (503, "api_error", "api_error"),
        (504, "timeout_error", "api_error"),
        (529, "overloaded_error", "api_error"),
    ],
)
def test_error_types_by_status(status: int, anthropic: str, openai: str) -> None:
    error = ApiError(status, "code", "message")
    assert json.loads(error_body(ApiProtocol.ANTHROPIC, error, ""))["error"]["type"] == anthropic
    assert json.loads(error_body(ApiProtocol.OPENAI, error, ""))["error"]["type"] == openai


def test_error_events_are_events_of_their_protocol() -> None:
    error = ApiError(529, "cloud_overloaded", "m")

    assert error_event(ApiProtocol.ANTHROPIC, error, "req_1").startswith(b"event: error\ndata: {")
    openai_event = error_event(ApiProtocol.OPENAI, error, "req_1")
    assert openai_event.startswith(b"data: {")
    assert openai_event.endswith(b"}\n\n")
    assert json.loads(openai_event[6:])["error"]["code"] == "cloud_overloaded"
