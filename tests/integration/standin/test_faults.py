"""The official SDKs meet each fault as they would meet it in the cloud."""

import json
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import anthropic
import httpx2
import openai
import pytest

from tests.standin import Standin
from tests.standin.records import BROKEN, CLIENT_LEFT

MESSAGES: Any = [{"role": "user", "content": "Name a colour."}]
DEADLINE_S = 5.0

both_modes = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


def ask_openai(client: openai.OpenAI, model: str, *, stream: bool = False, **options: Any) -> Any:
    return client.chat.completions.create(model=model, messages=MESSAGES, stream=stream, **options)


def ask_anthropic(client: anthropic.Anthropic, model: str, *, stream: bool = False, **options: Any) -> Any:
    return client.messages.create(model=model, max_tokens=100, messages=MESSAGES, stream=stream, **options)


def openai_texts(stream: Any) -> Iterator[str]:
    return (chunk.choices[0].delta.content for chunk in stream if chunk.choices[0].delta.content)


def anthropic_texts(stream: Any) -> Iterator[str]:
    return (event.delta.text for event in stream if event.type == "content_block_delta")


def read_until_error(texts: Iterator[str], read: list[str]) -> None:
    """Append each text to `read` until the stream ends or raises."""
    for text in texts:
        read.append(text)  # noqa: PERF402 - extend would keep nothing of what came before the error


@both_modes
@pytest.mark.parametrize(
    ("model", "error", "code"),
    [
        pytest.param("standin-400", openai.BadRequestError, None, id="400 is a bad request"),
        pytest.param("standin-401", openai.AuthenticationError, "invalid_api_key", id="401 is a wrong key"),
        pytest.param(
            "standin-403",
            openai.PermissionDeniedError,
            "unsupported_country_region_territory",
            id="403 is denied",
        ),
        pytest.param("standin-404", openai.NotFoundError, "model_not_found", id="404 is no such model"),
        pytest.param(
            "standin-nonsense", openai.NotFoundError, "model_not_found", id="an unknown fault is a 404"
        ),
        pytest.param("standin-413", openai.APIStatusError, None, id="413 is too large"),
        pytest.param("standin-429", openai.RateLimitError, "rate_limit_exceeded", id="429 is a rate limit"),
        pytest.param("standin-500", openai.InternalServerError, None, id="500 is a server error"),
        pytest.param("standin-503", openai.InternalServerError, None, id="503 is a server error"),
        pytest.param("standin-529", openai.InternalServerError, None, id="529 is a server error"),
    ],
)
def test_the_openai_sdk_maps_each_status(
    openai_client: openai.OpenAI,
    model: str,
    error: type[openai.APIStatusError],
    code: str | None,
    *,
    stream: bool,
) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        ask_openai(openai_client, model, stream=stream)

    assert type(caught.value) is error
    assert caught.value.code == code
    assert caught.value.type
    assert caught.value.request_id


@both_modes
@pytest.mark.parametrize(
    ("model", "error", "kind"),
    [
        pytest.param(
            "standin-400", anthropic.BadRequestError, "invalid_request_error", id="400 is a bad request"
        ),
        pytest.param(
            "standin-401", anthropic.AuthenticationError, "authentication_error", id="401 is a wrong key"
        ),
        pytest.param("standin-403", anthropic.PermissionDeniedError, "permission_error", id="403 is denied"),
        pytest.param("standin-404", anthropic.NotFoundError, "not_found_error", id="404 is no such model"),
        pytest.param(
            "standin-nonsense", anthropic.NotFoundError, "not_found_error", id="an unknown fault is a 404"
        ),
        pytest.param(
            "standin-413", anthropic.ContentTooLargeError, "request_too_large", id="413 is too large"
        ),
        pytest.param("standin-429", anthropic.RateLimitError, "rate_limit_error", id="429 is a rate limit"),
        pytest.param("standin-500", anthropic.InternalServerError, "api_error", id="500 is a server error"),
        pytest.param("standin-503", anthropic.ServiceUnavailableError, "api_error", id="503 is unavailable"),
        pytest.param("standin-529", anthropic.OverloadedError, "overloaded_error", id="529 is overloaded"),
    ],
)
def test_the_anthropic_sdk_maps_each_status(
    anthropic_client: anthropic.Anthropic,
    model: str,
    error: type[anthropic.APIStatusError],
    kind: str,
    *,
    stream: bool,
) -> None:
    with pytest.raises(anthropic.APIStatusError) as caught:
        ask_anthropic(anthropic_client, model, stream=stream)

    assert type(caught.value) is error
    assert caught.value.type == kind
    assert caught.value.request_id


@pytest.mark.parametrize(
    ("model", "retry_after"),
    [
        pytest.param("standin-429", 1, id="429 always says when"),
        pytest.param("standin-429-7s", 7, id="429 says what it is told"),
        pytest.param("standin-503-3s", 3, id="503 says when told"),
        pytest.param("standin-503", None, id="503 says nothing by itself"),
    ],
)
def test_both_sdks_read_retry_after(
    openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic, model: str, retry_after: float | None
) -> None:
    with pytest.raises(openai.APIStatusError) as from_openai:
        ask_openai(openai_client, model)
    with pytest.raises(anthropic.APIStatusError) as from_anthropic:
        ask_anthropic(anthropic_client, model)

    assert openai_client._parse_retry_after_header(from_openai.value.response.headers) == retry_after
    assert anthropic_client._parse_retry_after_header(from_anthropic.value.response.headers) == retry_after


def test_a_header_asks_for_a_fault_and_wins_over_the_model(openai_client: openai.OpenAI) -> None:
    with pytest.raises(openai.RateLimitError):
        ask_openai(openai_client, "gpt-4o-mini", extra_headers={"x-standin-fault": "429"})
    with pytest.raises(openai.BadRequestError):
        ask_openai(openai_client, "standin-429", extra_headers={"x-standin-fault": "400"})
    with pytest.raises(openai.InternalServerError):
        openai_client.models.list(extra_headers={"x-standin-fault": "500"})


def test_a_retrying_sdk_gets_through_after_the_first_failure(
    openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic, standin: Standin
) -> None:
    completion = ask_openai(openai_client.with_options(max_retries=1), "standin-500-first-1--openai")
    assert completion.choices[0].finish_reason == "stop"
    assert standin.total() == 2

    message = ask_anthropic(anthropic_client.with_options(max_retries=1), "standin-529-first-1--anthropic")
    assert message.stop_reason == "end_turn"
    assert [request.outcome for request in standin.requests()] == ["refused", "answered"] * 2


def test_forgetting_starts_the_counts_again(openai_client: openai.OpenAI, standin: Standin) -> None:
    model = "standin-503-first-1"
    for _ in range(2):
        with pytest.raises(openai.InternalServerError):
            ask_openai(openai_client, model)
        ask_openai(openai_client, model)
        standin.forget()


@both_modes
def test_a_reset_connection_is_a_connection_error(
    openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic, standin: Standin, *, stream: bool
) -> None:
    with pytest.raises(openai.APIConnectionError):
        ask_openai(openai_client, "standin-reset", stream=stream)
    with pytest.raises(anthropic.APIConnectionError):
        ask_anthropic(anthropic_client, "standin-reset", stream=stream)

    assert [request.outcome for request in standin.requests()] == [BROKEN, BROKEN]


def test_a_reset_is_one_of_tcp(standin: Standin) -> None:
    """Python's ssl shows a reset as a plain end, so the socket below it is read."""
    address = urlsplit(standin.url)
    with (
        socket.create_connection((address.hostname, address.port), timeout=DEADLINE_S) as plain,
        standin.ssl_context().wrap_socket(plain.dup(), server_hostname=address.hostname) as secure,
    ):
        secure.sendall(
            b"GET /v1/models HTTP/1.1\r\nhost: standin\r\nx-standin-fault: reset\r\n"
            b"authorization: Bearer " + standin.api_key.encode() + b"\r\n\r\n"
        )
        with pytest.raises(ConnectionResetError):
            list(iter(lambda: plain.recv(4096), b""))


@both_modes
def test_a_slow_first_byte_runs_into_the_sdks_timeout(
    openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic, *, stream: bool
) -> None:
    with pytest.raises(openai.APITimeoutError):
        ask_openai(openai_client, "standin-slow-60s", stream=stream, timeout=0.3)
    with pytest.raises(anthropic.APITimeoutError):
        ask_anthropic(anthropic_client, "standin-slow-60s", stream=stream, timeout=0.3)


def test_a_slow_answer_comes_after_its_delay(openai_client: openai.OpenAI) -> None:
    began = time.monotonic()
    ask_openai(openai_client, "standin-slow-0.5s")

    assert time.monotonic() - began >= 0.5


def test_a_slow_stream_starts_at_once_and_pauses_before_each_delta(openai_client: openai.OpenAI) -> None:
    began = time.monotonic()
    texts = openai_texts(ask_openai(openai_client, "standin-slow-stream-0.1s", stream=True))
    arrivals = [time.monotonic() - began for _ in texts]

    assert len(arrivals) == 7
    assert arrivals[-1] - arrivals[0] >= 0.5  # six pauses, and the clocks of two threads


@pytest.mark.parametrize(
    ("model", "texts"),
    [
        pytest.param("standin-cut", ["stand-in", " cloud"], id="two deltas by default"),
        pytest.param("standin-cut-after-0", [], id="before the first"),
        pytest.param(
            "standin-cut-after-5", ["stand-in", " cloud", " answer", " to:", " Name"], id="after the fifth"
        ),
    ],
)
def test_a_cut_stream_ends_after_its_deltas_without_an_end(
    openai_client: openai.OpenAI,
    anthropic_client: anthropic.Anthropic,
    standin: Standin,
    model: str,
    texts: list[str],
) -> None:
    from_openai: list[str] = []
    with pytest.raises(openai.APIConnectionError):
        read_until_error(openai_texts(ask_openai(openai_client, model, stream=True)), from_openai)
    from_anthropic: list[str] = []
    with pytest.raises(httpx2.RemoteProtocolError):  # anthropic 2.12 does not map it (seen)
        read_until_error(anthropic_texts(ask_anthropic(anthropic_client, model, stream=True)), from_anthropic)

    assert from_openai == from_anthropic == texts
    assert [request.outcome for request in standin.requests()] == [BROKEN, BROKEN]


def test_a_stream_shorter_than_the_cut_loses_its_end(openai_client: openai.OpenAI) -> None:
    read: list[str] = []
    stream = ask_openai(openai_client, "standin-cut-after-99", stream=True)
    with pytest.raises(openai.APIConnectionError):
        read_until_error(openai_texts(stream), read)

    assert "".join(read) == "stand-in cloud answer to: Name a colour."


def test_a_cut_whole_answer_is_a_connection_error(
    openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic
) -> None:
    with pytest.raises(openai.APIConnectionError):
        ask_openai(openai_client, "standin-cut")
    with pytest.raises(anthropic.APIConnectionError):
        ask_anthropic(anthropic_client, "standin-cut")


def test_an_error_event_ends_the_stream_in_each_protocols_shape(
    openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic
) -> None:
    from_openai: list[str] = []
    with pytest.raises(openai.APIError) as openai_error:
        read_until_error(
            openai_texts(ask_openai(openai_client, "standin-error-midstream", stream=True)), from_openai
        )
    from_anthropic: list[str] = []
    with pytest.raises(anthropic.APIStatusError) as anthropic_error:
        read_until_error(
            anthropic_texts(ask_anthropic(anthropic_client, "standin-error-midstream", stream=True)),
            from_anthropic,
        )

    assert from_openai == from_anthropic == ["stand-in", " cloud"]
    assert openai_error.value.type == "server_error"
    assert (anthropic_error.value.type, anthropic_error.value.status_code) == ("overloaded_error", 200)


def test_an_error_in_a_whole_answer_is_a_500(
    openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic
) -> None:
    with pytest.raises(openai.InternalServerError):
        ask_openai(openai_client, "standin-error-midstream")
    with pytest.raises(anthropic.InternalServerError):
        ask_anthropic(anthropic_client, "standin-error-midstream")


def test_a_malformed_event_is_no_json(
    openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic
) -> None:
    from_openai: list[str] = []
    with pytest.raises(json.JSONDecodeError):
        read_until_error(
            openai_texts(ask_openai(openai_client, "standin-malformed", stream=True)), from_openai
        )
    from_anthropic: list[str] = []
    with pytest.raises(json.JSONDecodeError):
        read_until_error(
            anthropic_texts(ask_anthropic(anthropic_client, "standin-malformed", stream=True)), from_anthropic
        )

    assert from_openai == from_anthropic == ["stand-in", " cloud"]


def test_a_malformed_whole_answer_is_no_json(
    openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic
) -> None:
    with pytest.raises(json.JSONDecodeError):
        ask_openai(openai_client, "standin-malformed")
    with pytest.raises(json.JSONDecodeError):
        ask_anthropic(anthropic_client, "standin-malformed")


def test_tool_call_deltas_count_as_content(anthropic_client: anthropic.Anthropic) -> None:
    tool = {"name": "weather", "input_schema": {"type": "object", "required": ["city"]}}
    read: list[str] = []
    stream = ask_anthropic(
        anthropic_client, "standin-cut-after-1", stream=True, tools=[tool], tool_choice={"type": "any"}
    )
    with pytest.raises(httpx2.RemoteProtocolError):
        read_until_error((event.type for event in stream), read)

    assert read == ["message_start", "content_block_start", "content_block_delta"]


@pytest.mark.parametrize("model", ["standin-slow-60s", "standin-slow-stream-60s"])
def test_a_client_that_leaves_is_noticed(openai_client: openai.OpenAI, standin: Standin, model: str) -> None:
    with pytest.raises(openai.APITimeoutError):
        list(ask_openai(openai_client, model, stream=True, timeout=httpx2.Timeout(DEADLINE_S, read=0.3)))

    deadline = time.monotonic() + DEADLINE_S
    while standin.requests()[0].outcome is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [request.outcome for request in standin.requests()] == [CLIENT_LEFT]
