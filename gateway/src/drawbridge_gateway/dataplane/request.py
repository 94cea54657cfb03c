"""A request's body: decoded once, held against its protocol, rewritten for whoever answers."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from drawbridge_gateway.dataplane import refusals
from drawbridge_gateway.dataplane.tenant import Cloud, Pool
from drawbridge_gateway.protocols.api_protocol import ApiProtocol
from drawbridge_gateway.protocols.dialect import Dialect, named
from drawbridge_gateway.protocols.errors import RequestRefused
from drawbridge_gateway.protocols.providers import PROVIDERS

FORBIDDEN: Final = frozenset({
    # files, templates, adapters and code
    "chat_template", "custom_logit_processor", "custom_params", "lora_id", "lora_path", "mm_processor_kwargs",
    # other requests, their caches and the queue
    "cache_salt", "extra_key", "priority", "rid", "session_id", "session_params",
    # other servers
    "bootstrap_host", "bootstrap_port", "bootstrap_room", "data_parallel_rank", "disagg_prefill_dp_rank",
    "mcp_servers", "routed_dp_rank",
    # what bypasses the chat template
    "input_embeds", "input_ids",
})  # fmt: skip
"""Fields of SGLang 0.5.23 and of providers' betas with which a request would choose more than its own
answer. Refused by name, so that nobody believes they work; other unknown fields are dropped and named."""

TEMPLATE_SWITCHES: Final = frozenset({"enable_thinking", "thinking"})
"""Keys of `chat_template_kwargs` that may be set. The others are the template's own variables, and one of
them, `chat_template`, replaces the template."""

MAX_CHOICES: Final = 128
"""Of `n`; OpenAI's own limit."""

_AT_LEAST_ONE: Final = ("max_tokens", "max_completion_tokens", "n")

_INLINE_MEDIA: Final = re.compile(r"data:[a-zA-Z]+/[a-zA-Z0-9.+-]+;base64,")

_URL_PARTS: Final = ("image_url", "video_url", "audio_url", "document_url", "file_url")
"""Of OpenAI, SGLang and Mistral: an object with a `url`, or the URL itself."""

_DATA_PARTS: Final = {"file": "file_data", "input_audio": "data"}
"""Of OpenAI: an object with base64 under this name; of Mistral, base64 itself as `input_audio`."""

_MAY_REFER: Final = frozenset({*_URL_PARTS, *_DATA_PARTS, "file_id", "source", "content"})
"""Parts with none of these need no further look: nearly all of them."""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A request that may be sent on."""

    dialect: Dialect
    body: Mapping[str, Any]
    """Only fields that pass, none of them null."""

    model: str
    stream: bool
    dropped: tuple[str, ...]
    """Names of the fields that were left out."""

    @property
    def has_tools(self) -> bool:
        """Tell whether the model is offered tools."""
        return bool(self.body.get("tools") or self.body.get("functions"))

    @property
    def adds_usage(self) -> bool:
        """Tell whether a stream's usage is asked for by us alone, for the accounts."""
        if not self.stream or self.dialect.protocol is not ApiProtocol.OPENAI:
            return False
        return self.body.get("stream_options", {}).get("include_usage") is not True

    def dropped_for(self, target: Pool | Cloud) -> tuple[str, ...]:
        """Name the fields that this backend does not get."""
        if not _refuses_extensions(target):
            return self.dropped
        return (*self.dropped, *(name for name in self.body if name in self.dialect.extensions))

    def written_for(self, target: Pool | Cloud) -> bytes:
        """Write the body for a backend: a pool gets the name of its model, the bridge sets a cloud's.

        Raises:
            RequestRefused: it is nested deeper than can be written.
        """
        body = dict(self.body)
        if _refuses_extensions(target):
            for name in self.dialect.extensions:
                body.pop(name, None)
        if isinstance(target, Pool):
            body["model"] = target.model
        if self.adds_usage:
            body["stream_options"] = {**body.get("stream_options", {}), "include_usage": True}
        try:
            return orjson.dumps(body)
        except orjson.JSONEncodeError:
            raise RequestRefused(refusals.nested_too_deep()) from None


def read_request(dialect: Dialect, raw: bytes) -> ChatRequest:
    """Decode and check a body.

    Raises:
        RequestRefused: it is no JSON object, or a field is forbidden, missing or of a wrong type.
    """
    try:
        decoded = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise RequestRefused(refusals.not_json()) from None
    if type(decoded) is not dict:
        raise RequestRefused(refusals.not_an_object())
    body, dropped = _filter(dialect, decoded)
    for name in dialect.required:
        if name not in body:
            raise RequestRefused(refusals.missing_field(name))
    _check_values(body)
    return ChatRequest(
        dialect=dialect,
        body=body,
        model=body["model"],
        stream=body.get("stream", False),
        dropped=tuple(dropped),
    )


def _filter(dialect: Dialect, decoded: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    body, dropped = {}, []
    for name, value in decoded.items():
        kinds = dialect.fields.get(name)
        if kinds is None:
            if name in FORBIDDEN:
                raise RequestRefused(refusals.forbidden_field(name))
            dropped.append(name)
        elif value is None:
            continue  # the same as absent, in both APIs; SGLang refuses null for some
        elif type(value) not in kinds:
            raise RequestRefused(refusals.wrong_type(name, named(kinds)))
        else:
            body[name] = value
    return body, dropped


def _check_values(body: Mapping[str, Any]) -> None:
    for name in _AT_LEAST_ONE:
        if body.get(name, 1) < 1:
            raise RequestRefused(refusals.out_of_range(name, "at least 1"))
    if body.get("n", 1) > MAX_CHOICES:
        raise RequestRefused(refusals.out_of_range("n", f"at most {MAX_CHOICES}"))
    switches = body.get("chat_template_kwargs")
    if switches is not None and not switches.keys() <= TEMPLATE_SWITCHES:
        allowed = " or ".join(sorted(TEMPLATE_SWITCHES))
        raise RequestRefused(refusals.out_of_range("chat_template_kwargs", f"only {allowed}"))
    messages = body["messages"]
    if not messages:
        raise RequestRefused(refusals.out_of_range("messages", "at least one message"))
    for index, message in enumerate(messages):
        if type(message) is not dict or type(message.get("role")) is not str:
            raise RequestRefused(refusals.wrong_type(f"messages[{index}]", "an object with a role"))
        content = message.get("content")
        if type(content) is list:
            _check_media(content, f"messages[{index}].content")
        elif content is not None and type(content) is not str:
            raise RequestRefused(refusals.wrong_type(f"messages[{index}].content", "a string or a list"))


def _check_media(parts: list[Any], where: str) -> None:
    """Refuse parts that name a place: an engine would fetch the URL, or read the file, for the client.

    An id of a file counts as one too: it names what somebody with the same key has put at the provider.
    """
    for part in parts:
        if type(part) is not dict:
            raise RequestRefused(refusals.wrong_type(where, "a list of objects"))
        if _MAY_REFER.isdisjoint(part):
            continue
        source = part.get("source")
        if (
            part.get("file_id") is not None
            or any(_is_reference(part.get(key), "url", _is_inline) for key in _URL_PARTS)
            or any(_is_reference(part.get(key), data, _is_data) for key, data in _DATA_PARTS.items())
            or (type(source) is dict and _is_place(source))
            or (type(source) is str and part.get("type") in {"image", "document"})
        ):
            raise RequestRefused(refusals.media_by_reference(where))
        for holder in (part, source):  # results of tools, and documents made of parts
            nested = holder.get("content") if type(holder) is dict else None
            if type(nested) is list:
                _check_media(nested, where)


def _is_reference(media: object, key: str, is_given: Callable[[object], bool]) -> bool:
    """Tell whether OpenAI's kind of media, the value itself or under `key`, is anything but given."""
    if type(media) is not dict:
        return media is not None and not is_given(media)
    return media.get("file_id") is not None or not is_given(media.get(key))


def _is_place(source: Mapping[str, Any]) -> bool:
    """Tell whether a source of Anthropic's names a place."""
    if source.get("type") in {"url", "file"} or source.keys() & {"url", "file_id"}:
        return True
    return source.get("type") == "base64" and not _is_bare(source.get("data"))


def _is_inline(url: object) -> bool:
    """Tell whether a URL carries its data; without a dot, since SGLang takes `data:...png` for a file."""
    if type(url) is not str:
        return False
    header = _INLINE_MEDIA.match(url)
    return header is not None and url.find(".", header.end()) < 0


def _is_data(value: object) -> bool:
    return _is_bare(value) or _is_inline(value)


def _is_bare(value: object) -> bool:
    """Tell whether a text may be base64: no colon, as URLs have, and no dot, as most names of files have."""
    return type(value) is str and ":" not in value and "." not in value


def _refuses_extensions(target: Pool | Cloud) -> bool:
    return isinstance(target, Cloud) and PROVIDERS[target.provider].exactly_openai
