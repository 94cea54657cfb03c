"""What a cloud's events mean, and how far a stream may be passed on."""

import pytest
from drawbridge_gateway.bridge.events import Meaning, judge, meaning_of
from drawbridge_gateway.protocols.api_protocol import ApiProtocol

OPENAI, ANTHROPIC = ApiProtocol.OPENAI, ApiProtocol.ANTHROPIC


@pytest.mark.parametrize(
    ("protocol", "event", "meaning", "error"),
    [
        pytest.param(OPENAI, b'data: {"choices":[]}', Meaning.CONTENT, None, id="a chunk"),
        pytest.param(OPENAI, b"data: [DONE]", Meaning.END, None, id="OpenAI's end"),
        pytest.param(OPENAI, b"data:[DONE]", Meaning.END, None, id="OpenAI's end without the space"),
        pytest.param(
            OPENAI,
            b'data: {"error":{"type":"server_error","code":"x"}}',
            Meaning.ERROR,
            {"type": "server_error", "code": "x"},
            id="OpenAI's error",
        ),
        pytest.param(OPENAI, b'data: {"error":"no"}', Meaning.ERROR, "no", id="an error that is only a text"),
        pytest.param(
            OPENAI, b'data: {"error":null,"choices":[]}', Meaning.CONTENT, None, id="no error, said so"
        ),
        pytest.param(
            OPENAI,
            b'data: {"object":"error","message":"m","code":400}',
            Meaning.ERROR,
            {"object": "error", "message": "m", "code": 400},
            id="vLLM's error, with nothing around it",
        ),
        pytest.param(
            OPENAI,
            b'data: {"code":503,"message":"m"}',
            Meaning.ERROR,
            {"code": 503, "message": "m"},
            id="a status and words, with nothing around them",
        ),
        pytest.param(OPENAI, b": keep-alive", Meaning.CONTENT, None, id="a comment"),
        pytest.param(OPENAI, b"event: x\nid: 1", Meaning.CONTENT, None, id="an event without data"),
        pytest.param(ANTHROPIC, b'event: ping\ndata: {"type":"ping"}', Meaning.CONTENT, None, id="a ping"),
        pytest.param(
            ANTHROPIC,
            b'event: message_stop\ndata: {"type":"message_stop"}',
            Meaning.END,
            None,
            id="Anthropic's end",
        ),
        pytest.param(
            ANTHROPIC,
            b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"m"}}',
            Meaning.ERROR,
            {"type": "overloaded_error", "message": "m"},
            id="Anthropic's error",
        ),
        pytest.param(ANTHROPIC, b"data: [DONE]", Meaning.MALFORMED, None, id="the other protocol's end"),
        pytest.param(
            ANTHROPIC,
            b'data: {"type":"of_next_year","error":1}',
            Meaning.CONTENT,
            None,
            id="an unknown event",
        ),
        pytest.param(ANTHROPIC, b'data: {"type":', Meaning.MALFORMED, None, id="data that is not JSON"),
        pytest.param(OPENAI, b"data: 7", Meaning.MALFORMED, None, id="JSON that is not an object"),
        pytest.param(OPENAI, b'data: {"a":\ndata: 1}', Meaning.CONTENT, None, id="data in two lines"),
    ],
)
def test_meaning(protocol: ApiProtocol, event: bytes, meaning: Meaning, error: object) -> None:
    assert meaning_of(protocol, event) == (meaning, error)


CHUNK = b'data: {"n":1}\n\n'


@pytest.mark.parametrize(
    ("events", "passed", "verdict"),
    [
        pytest.param(b"", b"", Meaning.CONTENT, id="nothing yet"),
        pytest.param(CHUNK * 2, CHUNK * 2, Meaning.CONTENT, id="content is passed on as it came"),
        pytest.param(
            b'data: {"n":1}\r\n\r\n',
            b'data: {"n":1}\r\n\r\n',
            Meaning.CONTENT,
            id="with the line ends it came with",
        ),
        pytest.param(
            CHUNK + b"data: [DONE]\n\n", CHUNK + b"data: [DONE]\n\n", Meaning.END, id="the end included"
        ),
        pytest.param(
            b"data: [DONE]\n\n" + CHUNK, b"data: [DONE]\n\n", Meaning.END, id="nothing after the end"
        ),
        pytest.param(
            CHUNK + b'data: {"error":{"type":"x"}}\n\n' + CHUNK, CHUNK, Meaning.ERROR, id="up to an error"
        ),
        pytest.param(CHUNK + b"data: {\n\n" + CHUNK, CHUNK, Meaning.MALFORMED, id="up to what is not JSON"),
    ],
)
def test_how_far_events_are_passed_on(events: bytes, passed: bytes, verdict: Meaning) -> None:
    assert judge(OPENAI, events)[:2] == (passed, verdict)
