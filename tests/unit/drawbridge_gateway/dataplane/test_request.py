import json
from typing import Any

import pytest
from anthropic.types.message_create_params import MessageCreateParamsBase
from drawbridge_crds.cloud import Provider
from drawbridge_crds.privacy import Privacy
from drawbridge_gateway.dataplane.request import FORBIDDEN, ChatRequest, read_request
from drawbridge_gateway.dataplane.tenant import Cloud, Pool
from drawbridge_gateway.protocols.anthropic import ANTHROPIC
from drawbridge_gateway.protocols.dialect import Dialect
from drawbridge_gateway.protocols.errors import RequestRefused
from drawbridge_gateway.protocols.openai import OPENAI
from openai.types.chat.completion_create_params import CompletionCreateParamsBase

POOL = Pool("coder", "qwen", Privacy.STANDARD, proven=False, authorization=None)
OPENAI_CLOUD = Cloud("gpt", Provider.OPENAI, None)
COMPATIBLE = Cloud("compatible", Provider.OPENAI_COMPATIBLE, None)

MESSAGES = [{"role": "user", "content": "hi"}]
PNG = "data:image/png;base64,AAAA"


def read(dialect: Dialect = OPENAI, **fields: Any) -> ChatRequest:
    body = {
        "model": "auto",
        "messages": MESSAGES,
        **({"max_tokens": 5} if dialect is ANTHROPIC else {}),
        **fields,
    }
    return read_request(dialect, json.dumps(body).encode())


def refusal(dialect: Dialect, body: bytes) -> tuple[int, str, str | None]:
    with pytest.raises(RequestRefused) as refused:
        read_request(dialect, body)
    error = refused.value.error
    return error.status, error.code, error.param


def written(request: ChatRequest, target: Pool | Cloud) -> Any:
    return json.loads(request.written_for(target))


@pytest.mark.parametrize("dialect", [OPENAI, ANTHROPIC], ids=["openai", "anthropic"])
@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        pytest.param(b"", "invalid_json", None, id="nothing"),
        pytest.param(b"{", "invalid_json", None, id="half an object"),
        pytest.param(b"[]", "invalid_json", None, id="a list"),
        pytest.param(b'"x"', "invalid_json", None, id="a string"),
        pytest.param(b"null", "invalid_json", None, id="null"),
        pytest.param(b"1e400", "invalid_json", None, id="infinity in disguise"),
        pytest.param(b'{"temperature":NaN}', "invalid_json", None, id="NaN"),
        pytest.param(b'{"temperature":1e999}', "invalid_json", None, id="a number beyond double"),
        pytest.param(b'{"a":"\xff"}', "invalid_json", None, id="not UTF-8"),
        pytest.param(b'{"a":"\\ud800"}', "invalid_json", None, id="half a surrogate pair"),
        pytest.param(b"[" * 100_000, "invalid_json", None, id="nested beyond measure"),
        pytest.param(b"{}", "missing_field", "model", id="no model"),
        pytest.param(b'{"model":null}', "missing_field", "model", id="null model"),
        pytest.param(b'{"model":["auto"]}', "invalid_type", "model", id="a list of models"),
        pytest.param(b'{"model":"m","max_tokens":1}', "missing_field", "messages", id="no messages"),
        pytest.param(
            b'{"model":"m","max_tokens":1,"messages":{}}', "invalid_type", "messages", id="object of messages"
        ),
        pytest.param(
            b'{"model":"m","max_tokens":1,"messages":[]}', "invalid_value", "messages", id="no message"
        ),
        pytest.param(
            b'{"model":"m","max_tokens":1,"messages":["x"]}',
            "invalid_type",
            "messages[0]",
            id="a string as message",
        ),
        pytest.param(
            b'{"model":"m","max_tokens":1,"messages":[{"content":"x"}]}',
            "invalid_type",
            "messages[0]",
            id="no role",
        ),
        pytest.param(
            b'{"model":"m","max_tokens":1,"messages":[{"role":"user","content":7}]}',
            "invalid_type",
            "messages[0].content",
            id="a number as content",
        ),
        pytest.param(
            b'{"model":"m","max_tokens":1,"messages":[{"role":"user","content":["x"]}]}',
            "invalid_type",
            "messages[0].content",
            id="strings as parts",
        ),
        pytest.param(b'{"stream":"maybe"}', "invalid_type", "stream", id="stream: maybe"),
        pytest.param(b'{"stream":1}', "invalid_type", "stream", id="stream: 1"),
        pytest.param(b'{"max_tokens":"5"}', "invalid_type", "max_tokens", id="tokens as a string"),
        pytest.param(b'{"max_tokens":1.5}', "invalid_type", "max_tokens", id="half a token"),
        pytest.param(b'{"max_tokens":true}', "invalid_type", "max_tokens", id="true tokens"),
        pytest.param(b'{"max_tokens":1e30}', "invalid_type", "max_tokens", id="more tokens than integers"),
        pytest.param(
            b'{"model":"m","messages":[{"role":"user"}],"max_tokens":0}',
            "invalid_value",
            "max_tokens",
            id="no tokens",
        ),
        pytest.param(b'{"temperature":"hot"}', "invalid_type", "temperature", id="a word as temperature"),
        pytest.param(b'{"tools":{}}', "invalid_type", "tools", id="an object of tools"),
    ],
)
def test_bad_bodies_are_refused_with_the_field_at_fault(
    dialect: Dialect, body: bytes, code: str, param: str | None
) -> None:
    assert refusal(dialect, body) == (400, code, param)


def test_what_is_nested_as_deep_as_can_be_written_passes_and_no_deeper() -> None:
    deep: Any = []
    for _ in range(250):
        deep = [deep]
    request = read(messages=[{"role": "user", "x": deep}])
    assert written(request, POOL)["messages"] == [{"role": "user", "x": deep}]
    deeper = read(messages=[{"role": "user", "x": [[deep]]}])
    with pytest.raises(RequestRefused, match="invalid_json") as caught:
        deeper.written_for(POOL)
    assert (caught.value.error.status, "deeper than 254 levels" in caught.value.error.message) == (400, True)


def test_anthropic_requires_max_tokens_and_openai_does_not() -> None:
    body = json.dumps({"model": "auto", "messages": MESSAGES}).encode()
    assert refusal(ANTHROPIC, body) == (400, "missing_field", "max_tokens")
    assert read_request(OPENAI, body).model == "auto"


@pytest.mark.parametrize("n", [0, -1, 129, 100_000])
def test_the_number_of_choices_is_bounded(n: int) -> None:
    assert refusal(OPENAI, json.dumps({"model": "m", "messages": MESSAGES, "n": n}).encode())[1:] == (
        "invalid_value",
        "n",
    )


@pytest.mark.parametrize("dialect", [OPENAI, ANTHROPIC], ids=["openai", "anthropic"])
@pytest.mark.parametrize("name", sorted(FORBIDDEN))
@pytest.mark.parametrize("value", ["x", None], ids=["set", "null"])
def test_forbidden_fields_are_refused_by_name(dialect: Dialect, name: str, value: str | None) -> None:
    body = json.dumps({"model": "m", "max_tokens": 1, "messages": MESSAGES, name: value}).encode()
    assert refusal(dialect, body) == (400, "forbidden_field", name)


def test_every_field_of_the_public_apis_passes() -> None:
    """New fields of an SDK show up here: decide about each."""
    not_in_the_body = {"user_profile_id", "workspace_id"}  # anthropic 2.12 sends these as headers
    assert set(CompletionCreateParamsBase.__annotations__) <= set(OPENAI.fields)
    assert set(MessageCreateParamsBase.__annotations__) - not_in_the_body <= set(ANTHROPIC.fields)


def test_no_field_is_both_passed_and_forbidden() -> None:
    assert not FORBIDDEN & (set(OPENAI.fields) | set(ANTHROPIC.fields))


def test_unknown_fields_are_dropped_and_named() -> None:
    request = read(return_hidden_states=True, temperature=0.5, whatever={})
    assert request.dropped_for(POOL) == ("return_hidden_states", "whatever")
    assert written(request, POOL) == {"model": "qwen", "messages": MESSAGES, "temperature": 0.5}


def test_null_is_absence() -> None:
    assert written(read(temperature=None, stop=None, stream=None), POOL) == {
        "model": "qwen",
        "messages": MESSAGES,
    }


def test_the_last_of_two_equal_fields_is_the_one_checked_and_sent() -> None:
    body = b'{"model":"evil","model":"auto","messages":[{"role":"user","content":"x"}]}'
    request = read_request(OPENAI, body)
    assert request.model == "auto"
    assert request.written_for(POOL).count(b"model") == 1


def test_a_pool_gets_its_own_name_and_a_cloud_what_the_client_asked_for() -> None:
    request = read()
    assert written(request, POOL)["model"] == "qwen"
    assert written(request, OPENAI_CLOUD)["model"] == "auto"


def test_extensions_reach_engines_but_not_openai() -> None:
    request = read(top_k=5, min_p=0.1, temperature=1)
    for target in (POOL, COMPATIBLE):
        assert written(request, target)["top_k"] == 5
        assert request.dropped_for(target) == ()
    assert written(request, OPENAI_CLOUD).keys() == {"model", "messages", "temperature"}
    assert set(request.dropped_for(OPENAI_CLOUD)) == {"top_k", "min_p"}


@pytest.mark.parametrize(
    ("fields", "sent", "ours"),
    [
        pytest.param({}, None, False, id="not a stream"),
        pytest.param(
            {"stream": True}, {"include_usage": True}, True, id="a stream: asked for, for the accounts"
        ),
        pytest.param(
            {"stream": True, "stream_options": {"include_usage": False}},
            {"include_usage": True},
            True,
            id="declined",
        ),
        pytest.param(
            {"stream": True, "stream_options": {"include_usage": True}},
            {"include_usage": True},
            False,
            id="asked for",
        ),
        pytest.param(
            {"stream": True, "stream_options": {"continuous_usage_stats": True}},
            {"continuous_usage_stats": True, "include_usage": True},
            True,
            id="other options stay",
        ),
    ],
)
def test_usage_is_asked_of_openai_streams(*, fields: dict[str, Any], sent: Any, ours: bool) -> None:
    request = read(**fields)
    assert written(request, POOL).get("stream_options") == sent
    assert request.adds_usage is ours


def test_anthropic_streams_have_usage_anyway() -> None:
    request = read(ANTHROPIC, stream=True)
    assert not request.adds_usage
    assert "stream_options" not in written(request, POOL)


@pytest.mark.parametrize(
    "switches",
    [{"chat_template": "{{ evil }}"}, {"enable_thinking": True, "tools": []}],
    ids=["template", "other"],
)
def test_template_variables_cannot_be_set(switches: dict[str, Any]) -> None:
    body = {"model": "m", "messages": MESSAGES, "chat_template_kwargs": switches}
    assert refusal(OPENAI, json.dumps(body).encode())[1:] == ("invalid_value", "chat_template_kwargs")


def test_thinking_can_be_switched() -> None:
    switches = {"enable_thinking": False, "thinking": True}
    assert written(read(chat_template_kwargs=switches), POOL)["chat_template_kwargs"] == switches


def image(url: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def block(source: Any, kind: str = "image") -> dict[str, Any]:
    return {"type": kind, "source": source}


def file(**fields: Any) -> dict[str, Any]:
    return {"type": "file", "file": {"filename": "a.pdf", **fields}}


def audio(data: Any) -> dict[str, Any]:
    return {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}


PDF = "data:application/pdf;base64,AA=="


def result(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": "t", "content": list(parts)}


@pytest.mark.parametrize(
    ("dialect", "part"),
    [
        pytest.param(OPENAI, image("http://10.0.0.1/"), id="a URL"),
        pytest.param(OPENAI, image("HTTPS://example.com/x.png"), id="a URL in capitals"),
        pytest.param(OPENAI, image("file:///etc/passwd"), id="a file"),
        pytest.param(OPENAI, image("/etc/passwd"), id="a path"),
        pytest.param(
            OPENAI, image("data:image/png;base64,../../etc/secret.png"), id="a path behind a data header"
        ),
        pytest.param(OPENAI, image("data:../secret.png"), id="a path that begins as data"),
        pytest.param(OPENAI, image("AAAA"), id="bare base64, which could be a path"),
        pytest.param(OPENAI, image(None), id="no URL"),
        pytest.param(OPENAI, image(["http://x"]), id="a list of URLs"),
        pytest.param(OPENAI, {"type": "image_url", "image_url": "http://x"}, id="a URL outside an object"),
        pytest.param(
            OPENAI, {"type": "text", "text": "x", "image_url": {"url": "http://x"}}, id="under another type"
        ),
        pytest.param(OPENAI, {"type": "video_url", "video_url": {"url": "http://x"}}, id="a video"),
        pytest.param(OPENAI, {"type": "audio_url", "audio_url": {"url": "file:///x"}}, id="a sound"),
        pytest.param(OPENAI, image({"url": PNG, "file_id": "f"}), id="a URL that is an object"),
        pytest.param(
            OPENAI,
            {"type": "image_url", "image_url": {"url": PNG, "file_id": "f"}},
            id="a file id beside an image",
        ),
        pytest.param(OPENAI, {"type": "image_url", "file_id": "f"}, id="a file id in place of an image"),
        pytest.param(OPENAI, {"type": "document_url", "document_url": "http://x"}, id="a document, Mistral"),
        pytest.param(OPENAI, {"type": "file", "file_url": "http://x"}, id="the URL of a file"),
        pytest.param(OPENAI, file(file_id="f"), id="a file id, OpenAI"),
        pytest.param(OPENAI, file(file_id="f", file_data=PDF), id="a file id beside a file"),
        pytest.param(OPENAI, file(file_data="https://intranet/secret.pdf"), id="a URL as a file"),
        pytest.param(OPENAI, file(file_data="data:,https://intranet"), id="a data URL without base64"),
        pytest.param(OPENAI, file(file_data={"url": "http://x"}), id="a URL in an object as a file"),
        pytest.param(OPENAI, audio("http://x/y.wav"), id="a URL as a sound"),
        pytest.param(OPENAI, audio("../y.wav"), id="a path as a sound"),
        pytest.param(OPENAI, {"type": "input_audio", "input_audio": "http://x"}, id="a sound, Mistral"),
        pytest.param(ANTHROPIC, {"type": "container_upload", "file_id": "f"}, id="an upload"),
        pytest.param(
            ANTHROPIC, result({"type": "container_upload", "file_id": "f"}), id="an upload in a result"
        ),
        pytest.param(ANTHROPIC, block({"url": "http://x"}), id="a URL without its type"),
        pytest.param(ANTHROPIC, block({"type": "x", "file_id": "f"}), id="a file id under another type"),
        pytest.param(
            ANTHROPIC,
            block({"type": "base64", "media_type": "image/png", "data": "/../secret.png"}),
            id="a path as base64",
        ),
        pytest.param(ANTHROPIC, block({"type": "url", "url": "http://x"}), id="a URL, Anthropic"),
        pytest.param(ANTHROPIC, block({"type": "file", "file_id": "f"}), id="a file id"),
        pytest.param(ANTHROPIC, block("http://x"), id="a URL as source"),
        pytest.param(ANTHROPIC, block({"type": "url", "url": "http://x"}, "document"), id="a document"),
        pytest.param(
            ANTHROPIC, result(block({"type": "url", "url": "http://x"})), id="inside a tool's result"
        ),
        pytest.param(
            ANTHROPIC,
            block({"type": "content", "content": [block({"type": "url", "url": "http://x"})]}, "document"),
            id="inside a document's parts",
        ),
    ],
)
def test_media_by_reference_is_refused(dialect: Dialect, part: dict[str, Any]) -> None:
    body = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": [part]}]}
    assert refusal(dialect, json.dumps(body).encode()) == (400, "media_by_reference", "messages[0].content")


@pytest.mark.parametrize(
    ("dialect", "part"),
    [
        pytest.param(OPENAI, image(PNG), id="an image as data"),
        pytest.param(OPENAI, audio("AA=="), id="audio"),
        pytest.param(OPENAI, audio("data:audio/wav;base64,AA=="), id="audio as a data URL"),
        pytest.param(OPENAI, {"type": "input_audio", "input_audio": "AA=="}, id="audio, Mistral"),
        pytest.param(OPENAI, file(file_data=PDF), id="a file"),
        pytest.param(OPENAI, file(file_data="AA\r\n/+-_=="), id="a file as bare base64"),
        pytest.param(OPENAI, file(file_data=PDF, file_id=None), id="no file id"),
        pytest.param(
            ANTHROPIC,
            block({"type": "text", "media_type": "text/plain", "data": "see http://x"}, "document"),
            id="a URL in a document of text",
        ),
        pytest.param(
            ANTHROPIC,
            {
                "type": "bash_code_execution_tool_result",
                "tool_use_id": "t",
                "content": {
                    "type": "bash_code_execution_result",
                    "content": [{"type": "bash_code_execution_output", "file_id": "f"}],
                },
            },
            id="the file that a cloud's own tool wrote, in its answer",
        ),
        pytest.param(OPENAI, {"type": "text", "text": "see http://example.com"}, id="a URL in a text"),
        pytest.param(
            ANTHROPIC, block({"type": "base64", "media_type": "image/png", "data": "AA=="}), id="base64"
        ),
        pytest.param(ANTHROPIC, result({"type": "text", "text": "ok"}), id="a tool's result"),
        pytest.param(
            ANTHROPIC,
            {"type": "tool_use", "id": "t", "name": "get", "input": {"url": "http://x", "image_url": "y"}},
            id="a tool call about a URL",
        ),
        pytest.param(
            ANTHROPIC,
            {
                "type": "search_result",
                "source": "https://x",
                "title": "t",
                "content": [{"type": "text", "text": "x"}],
            },
            id="a search result with its source",
        ),
    ],
)
def test_media_that_is_part_of_the_request_passes(dialect: Dialect, part: dict[str, Any]) -> None:
    messages = [{"role": "user", "content": [part]}]
    assert written(read(dialect, messages=messages), POOL)["messages"] == messages
