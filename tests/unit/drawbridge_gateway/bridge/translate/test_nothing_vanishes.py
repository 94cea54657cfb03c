"""Every field, at every depth, is translated, lost by name, or refused: none vanishes, none becomes another.

The requests are those that the types of the official SDKs spell. Each is spoiled at one place at a time.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
from drawbridge_crds.cloud import Provider
from drawbridge_gateway.bridge.translate.requests_to_anthropic import to_anthropic
from drawbridge_gateway.bridge.translate.requests_to_openai import to_openai
from drawbridge_gateway.bridge.translate.rules import OTHER, Rules, Translated
from drawbridge_gateway.bridge.translate.rules_from_anthropic import RULES as FROM_ANTHROPIC
from drawbridge_gateway.bridge.translate.rules_from_openai import RULES as FROM_OPENAI
from drawbridge_gateway.protocols.anthropic import ANTHROPIC
from drawbridge_gateway.protocols.errors import RequestRefused
from drawbridge_gateway.protocols.openai import OPENAI
from pydantic import ValidationError

from tests.unit.drawbridge_gateway.bridge.translate import sdk
from tests.unit.drawbridge_gateway.bridge.translate.spelled import (
    Json,
    Place,
    changed,
    places,
    requests,
    shown,
)


@dataclass(frozen=True)
class Way:
    """From one protocol to a model that speaks the other."""

    source: str
    rules: Rules
    to: Callable[[Json], Translated]
    check_asked: Callable[[Json], None]
    check_written: Callable[[Json], None]

    def translate(self, asked: Json) -> Translated | None:
        """Translate; None: it is refused, as a fault of the client at a place with a name."""
        try:
            return self.to(asked)
        except RequestRefused as refused:
            error = refused.error
        assert error.status == 400
        assert error.code in {"not_translatable", "invalid_type", "invalid_value"}
        assert error.param
        assert not error.message.endswith("must be ")
        return None

    def translated(self) -> Iterator[tuple[Json, Translated]]:
        """Return all requests that can be said, and how."""
        for asked in requests(self.source):
            if (translation := self.translate(asked)) is not None:
                yield asked, translation

    def allows(self, asked: Json) -> bool:
        """Tell whether a request is one of its protocol, with the extensions that the gateway knows."""
        kinds = (OPENAI if self.source == "openai" else ANTHROPIC).fields
        if any(type(value) not in kinds[name] for name, value in asked.items() if name in kinds):
            return False
        with contextlib.suppress(ValidationError):
            self.check_asked(asked)
            return True
        return False


def to_claude(model: str) -> Way:
    return Way(
        source="openai",
        rules=FROM_OPENAI,
        to=lambda asked: to_anthropic(asked, model),
        check_asked=sdk.check_openai_request,
        check_written=sdk.check_anthropic_request,
    )


def to_gpt(model: str, provider: Provider = Provider.OPENAI) -> Way:
    return Way(
        source="anthropic",
        rules=FROM_ANTHROPIC,
        to=lambda asked: to_openai(asked, model, provider),
        check_asked=sdk.check_anthropic_request,
        check_written=sdk.check_openai_request,
    )


WAYS: Final = {
    "to a Claude that does not think": to_claude("claude-3-5-haiku-latest"),
    "to a Claude that thinks with a budget": to_claude("claude-sonnet-4-5"),
    "to a Claude that adapts": to_claude("claude-opus-5"),
    "to OpenAI": to_gpt("gpt-4o"),
    "to a model of OpenAI's that reasons": to_gpt("gpt-5.1"),
    "to a compatible cloud": to_gpt("deepseek-chat", Provider.OPENAI_COMPATIBLE),
}
every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)

FREE_FORM: Final = {
    "parameters": "a JSON schema, which passes as it is",
    "input_schema": "likewise",
    "schema": "likewise",
    "input": "what a tool is called with, which passes as it is",
}
"""Fields whose objects have names of the client's own choice."""

LOST_WHOLE: Final = {
    "cache_control", "caller", "chat_template_kwargs", "citations", "diagnostics", "input_examples",
    "metadata", "prediction", "prompt_cache_breakpoint", "prompt_cache_options", "redacted_thinking",
    "thinking",
}  # fmt: skip
"""Fields and blocks that are lost by their own names, and all that is in them with them."""

IDLE: Final[dict[str, list[Any]]] = {
    "model": ["auto"],  # the policy names another one
    "type": ["function", "custom"],  # of a tool: the default
    "stream": [False],
    "stream_options": [{}, {"include_obfuscation": False}, {"include_usage": True}, {"include_usage": False}],
    "include_usage": [True, False],  # it is heard where the answer is translated
    "response_format": [{"type": "text"}],
    "reasoning_effort": ["none"],
    "output_config": [{}],
    "thinking": [
        *({"type": kind} for kind in ("adaptive", "between_tools", "disabled")),
        {"type": "adaptive", "display": "summarized"},
    ],
}
"""Values that change no translation, besides those that the rules call idle."""

NAMES: Final = {part for path in (*FROM_OPENAI, *FROM_ANTHROPIC) for part in path.split(".")} - {"*"}
"""Fields that one of the protocols has somewhere."""

OTHER_TYPES: Final[tuple[Any, ...]] = ("x", 7, 1.5, True, [], ["x"], [{}], {}, {"x": "y"})


def objects(request: Json) -> Iterator[tuple[Place, Json]]:
    """Return the objects within a request whose fields have names of the protocol's choice."""
    for place, value in places(request, FREE_FORM):
        if isinstance(value, dict) and not (place and place[-1] in FREE_FORM):
            yield place, value


def fields(request: Json) -> Iterator[tuple[Place, Any]]:
    """Return the fields within a request, at every depth."""
    found = places(request, FREE_FORM)
    return ((place, value) for place, value in found if place and isinstance(place[-1], str))


def names(lost: tuple[str, ...]) -> set[str]:
    return {path.rpartition(".")[2] for path in lost}


def is_lost_whole(request: Json, place: Place, lost: tuple[str, ...]) -> bool:
    """Tell whether a place is within what is lost by its own name."""
    whole = names(lost) & LOST_WHOLE
    inner: Any = request
    for key in place:
        inner = inner[key]
        if key in whole or (isinstance(inner, dict) and inner.get("type") in whole):
            return True
    return False


def is_idle(way: Way, name: str, value: Any) -> bool:
    return value in IDLE.get(name, []) or any(
        rule.is_idle(value) for path, rule in way.rules.items() if path.rpartition(".")[2] == name
    )


@every_way
def test_the_sdks_can_read_all_that_is_asked_and_written(way: Way) -> None:
    for asked in requests(way.source):
        assert way.allows(asked), asked
    for _, translation in way.translated():
        way.check_written(translation.body)


@every_way
def test_what_the_protocol_itself_takes_is_never_called_malformed(way: Way) -> None:
    codes = set()
    for asked in requests(way.source):
        try:
            way.to(asked)
        except RequestRefused as refused:
            codes.add(refused.error.code)
    assert codes == {"not_translatable"}


@every_way
def test_every_field_of_an_sdk_has_a_rule_of_its_own(way: Way) -> None:
    unnamed = [asked for asked, translation in way.translated() if OTHER in names(translation.lost)]
    assert unnamed == []


@every_way
def test_no_field_is_said_in_vain(way: Way) -> None:
    vain = set()
    for asked, before in way.translated():
        for place, value in fields(asked):
            if is_lost_whole(asked, place[:-1], before.lost) or is_idle(way, str(place[-1]), value):
                continue
            if way.translate(changed(asked, place, ...)) == before:
                vain.add(f"{shown(place)} {value!r}")
    assert not vain, "\n".join(sorted(vain))


@every_way
def test_a_field_that_no_api_has_is_lost_by_name_or_refused(way: Way) -> None:
    vanished = set()
    for asked, before in way.translated():
        for place, _ in objects(asked):
            after = way.translate(changed(asked, (*place, "x_unknown"), "x"))
            if after is None or is_lost_whole(asked, place, after.lost):
                continue
            if after.body != before.body or OTHER not in names(after.lost):
                vanished.add(shown((*place, "x_unknown")))
    assert not vanished, "\n".join(sorted(vanished))


@every_way
def test_a_field_of_another_object_is_lost_by_name_or_refused(way: Way) -> None:
    vanished, seen = set(), set()
    for asked, before in way.translated():
        for place, value in objects(asked):
            kind = (place, value.get("type"), value.get("role"))
            if kind in seen or is_lost_whole(asked, place, before.lost):
                continue
            seen.add(kind)
            for name in NAMES - value.keys() - names(before.lost):
                if way.translate(changed(asked, (*place, name), "x")) == before:
                    vanished.add(shown((*place, name)))
    assert not vanished, "\n".join(sorted(vanished))


@every_way
def test_a_value_of_another_type_is_refused_or_changes_nothing(way: Way) -> None:
    taken = set()
    for asked, before in way.translated():
        for place, value in places(asked, FREE_FORM):
            for new in OTHER_TYPES:
                if not place or type(new) is type(value):
                    continue
                spoiled = changed(asked, place, new)
                after = way.translate(spoiled)
                if after is None or after.body == before.body:
                    continue
                if way.allows(spoiled):
                    way.check_written(after.body)
                else:
                    taken.add(f"{shown(place)} {new!r}")
    assert not taken, "\n".join(sorted(taken))


@every_way
def test_a_word_that_no_api_has_is_refused_or_lost_by_name(way: Way) -> None:
    taken = set()
    for asked, before in way.translated():
        for place, value in places(asked, FREE_FORM):
            if (
                not place or not isinstance(value, str) or place[-1] == "effort"
            ):  # Anthropic's newer ones pass
                continue
            spoiled = changed(asked, place, "x_unknown")
            after = way.translate(spoiled)
            if after is None or after.body == before.body or way.allows(spoiled):
                continue
            if place[-1] not in names(after.lost):
                taken.add(f"{shown(place)} {value!r}")
    assert not taken, "\n".join(sorted(taken))


@every_way
def test_a_field_that_is_required_is_missed(way: Way) -> None:
    guessed = set()
    for asked, before in way.translated():
        for place, _ in fields(asked):
            spoiled = changed(asked, place, ...)
            after = way.translate(spoiled)
            if after is not None and after.body != before.body and not way.allows(spoiled):
                guessed.add(shown(place))
    assert not guessed, "\n".join(sorted(guessed))


@every_way
def test_null_is_the_same_as_absent(way: Way) -> None:
    for asked, before in way.translated():
        for place, _ in fields(asked):
            if not is_lost_whole(asked, place[:-1], before.lost):
                without = way.translate(changed(asked, place, ...))
                assert way.translate(changed(asked, place, None)) == without, shown(place)
