"""Requests as the types of the official SDKs spell them: every field of every object once."""

import json
from collections.abc import Container, Iterable, Iterator
from typing import Annotated, Any, Final, Literal, Required, get_args, get_origin

from anthropic.types.message_create_params import MessageCreateParamsBase
from drawbridge_gateway.protocols.anthropic import ANTHROPIC
from drawbridge_gateway.protocols.dialect import Dialect
from drawbridge_gateway.protocols.openai import OPENAI
from openai.types.chat.completion_create_params import CompletionCreateParamsBase
from typing_extensions import get_type_hints, is_typeddict

Json = dict[str, Any]
Place = tuple[str | int, ...]

USER: Final[Json] = {"role": "user", "content": "Hi"}
BASES: Final[dict[str, Json]] = {
    "openai": {
        "model": "auto",
        "messages": [USER],
        "tools": [{"type": "function", "function": {"name": "f"}}],
    },
    "anthropic": {
        "model": "auto",
        "max_tokens": 4096,
        "messages": [USER],
        "tools": [{"name": "f", "input_schema": {"type": "object"}}],
    },
}
"""What each request has besides the field that it spells: a tool, without which none can be chosen."""

_TYPES: Final[dict[str, Any]] = {"openai": CompletionCreateParamsBase, "anthropic": MessageCreateParamsBase}
_DIALECTS: Final[dict[str, Dialect]] = {"openai": OPENAI, "anthropic": ANTHROPIC}

_HEADERS: Final = {"user_profile_id", "workspace_id"}
"""Parameters of the SDK that go into headers of the request."""

_NEEDED: Final = {"file_data"}
"""Fields without which the translation refuses what holds them; the SDK's types do not demand them."""

_STRINGS: Final = {
    "arguments": '{"city": "Oslo"}',
    "file_data": "data:application/pdf;base64,JVBERi0=",
    "url": "data:image/png;base64,iVBORw0KGgo=",
}
"""Texts that must have a certain form, by the names of their fields."""

_NUMBERS: Final = {"budget_tokens": 2048, "max_tokens": 4096, "max_completion_tokens": 4096}

_SCALARS: Final[dict[Any, tuple[Any, ...]]] = {
    str: ("x",), bool: (True, False), int: (3,), float: (0.5,), list: (["x"],), dict: ({"x": 1},),
}  # fmt: skip


def requests(protocol: str) -> list[Json]:
    """Return requests, each with all that is required and one thing more."""
    found: dict[str, Json] = {}
    base = BASES[protocol]
    hints = get_type_hints(_TYPES[protocol])
    for name in sorted({*hints, *_DIALECTS[protocol].fields} - {"model"} - _HEADERS):
        values = _spell(hints[name], name) if name in hints else _extension(protocol, name)
        for value in values:
            # another message alone would be no question, or an answer that shall be continued
            request = base | {name: [USER, *value, USER] if name == "messages" else value}
            found[json.dumps(request, sort_keys=True)] = request
    return list(found.values())


def places(value: Any, closed: Container[str | int] = (), place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Return all values within a request, with their places; fields that are `closed` count as one value."""
    yield place, value
    if place and place[-1] in closed:
        return
    entries: Any = ()
    if isinstance(value, dict | list):
        entries = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in entries:
        yield from places(inner, closed, (*place, key))


def changed(value: Any, place: Place, new: Any) -> Any:
    """Return a request with another value at a place; `...`: with none."""
    if not place:
        return new
    head, rest = place[0], place[1:]
    copy = value.copy()
    if rest or new is not ...:
        copy[head] = changed(value[head] if rest else None, rest, new)
    else:
        del copy[head]
    return copy


def shown(place: Place) -> str:
    """Write a place as errors do."""
    path = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in place)
    return path.removeprefix(".")


def _extension(protocol: str, name: str) -> Iterator[Any]:
    """Spell a field that no type of the SDK has; the gateway lets it pass."""
    for kind in _DIALECTS[protocol].fields[name]:
        yield from _SCALARS[kind]


def _spell(annotation: Any, name: str) -> Iterator[Any]:
    """Return values of a type that together have each of its fields and alternatives."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if is_typeddict(annotation):
        yield from _objects(annotation)
    elif origin in {Required, Annotated}:
        yield from _spell(arguments[0], name)
    elif origin is Literal:
        yield from arguments
    elif origin is dict:
        yield {"x": next(_spell(arguments[1], "x"), "y")}  # of anything: a text
    elif annotation in _SCALARS:
        given = _STRINGS if annotation is str else _NUMBERS if annotation is int else {}
        yield from [given[name]] if name in given else _SCALARS[annotation]
    elif isinstance(origin, type) and issubclass(origin, Iterable):
        for value in _spell(arguments[0], name):
            yield [value]
    elif "Sequence" in str(annotation):  # the SDKs' own type for a list of texts that is no text
        yield ["x"]
    else:  # a union; what it has for Python alone, files and parsed answers, has no arguments
        for alternative in arguments:
            yield from _spell(alternative, name)


def _objects(annotation: Any) -> Iterator[Json]:
    hints = get_type_hints(annotation, include_extras=True)
    required = [
        name for name, hint in hints.items() if str(hint).startswith(str(Required)) or name in _NEEDED
    ]
    least = {name: next(_spell(hints[name], name)) for name in required}
    yield least
    for name in hints:
        for value in _spell(hints[name], name):
            yield least | {name: value}
