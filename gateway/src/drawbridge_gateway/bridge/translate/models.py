"""What the name of a model tells about what its provider lets one ask of it.

Both providers refuse, with a 400, fields that other models of theirs take. Known generations are listed;
any other name is taken for a newer model, since that is the direction in which a list grows old.
Sources: platform.claude.com/docs (thinking, effort, migration guide), platform.openai.com/docs (reasoning).
"""

import re
from enum import Enum, auto
from typing import Final


class ToolEffort(Enum):
    """What a model lets one say of its effort in a request with tools."""

    FREE = auto()
    NOT_SAID = auto()
    """Any effort but none is refused."""

    ONLY_NONE = auto()
    """So it is to say nothing, since the model then reasons by itself."""


_CLAUDE: Final = re.compile(r"claude-(?:[a-z]+-)?(\d{1,2})(?:-(\d{1,2}))?(?!\d)")
"""claude-3-7-sonnet-20250219, claude-opus-4-20250514, claude-sonnet-4-5: generation, and its minor part."""

_NEWEST: Final = (99, 0)

_FIRST_TO_THINK: Final = (3, 7)
_FIRST_TO_HOLD_TO_SCHEMAS: Final = (4, 1)
"""Opus 4.1, which was the first with Sonnet 4.5; of the older ones none has the number."""

_FIRST_TO_ADAPT: Final = (4, 6)
_FIRST_WITHOUT_SAMPLING: Final = (4, 7)

_OPENAI_REASONS: Final = re.compile(r"(?:.*/)?(?:o\d|gpt-(?:[5-9]|\d\d)|gpt-oss)(?!.*-chat)")
"""o3, gpt-5.1, openai/gpt-oss-120b; gpt-5-chat-latest does not reason."""


_OPENAI_WITHOUT_STOP: Final = re.compile(r"(?:o3(?!-mini)|o[4-9]|gpt-(?:[5-9]|\d\d))(?!.*-chat)")
"""OpenAI: "Unsupported parameter: 'stop' is not supported with this model". o1 and o3-mini still take it."""

_GPT: Final = re.compile(r"gpt-(\d{1,2})(?:\.(\d{1,2}))?(?!\d)(?!.*-chat)")

_EFFORT_BESIDE_TOOLS: Final = (
    ((5, 5), ToolEffort.ONLY_NONE),
    ((5, 4), ToolEffort.NOT_SAID),
    ((0, 0), ToolEffort.FREE),
)
"""From which GPT on what holds in OpenAI's chat completions: "Function tools with reasoning_effort are not
supported". From 5.5 on that is said even where the effort is not, since these reason unless told not to."""


def claude_thinks(model: str) -> bool:
    """Tell whether a Claude model can be asked to think at all."""
    return _claude_generation(model) >= _FIRST_TO_THINK


def claude_holds_to_schemas(model: str) -> bool:
    """Tell whether a Claude model takes a schema for its answer, and `strict` for the arguments of tools."""
    return _claude_generation(model) >= _FIRST_TO_HOLD_TO_SCHEMAS


def claude_adapts(model: str) -> bool:
    """Tell whether a Claude model takes an effort; older ones take a number of tokens to think with."""
    return _claude_generation(model) >= _FIRST_TO_ADAPT


def claude_samples(model: str) -> bool:
    """Tell whether a Claude model takes temperature, top_p and top_k."""
    return _claude_generation(model) < _FIRST_WITHOUT_SAMPLING


def openai_reasons(model: str) -> bool:
    """Tell whether a model of an OpenAI-compatible API takes an effort, and no sampling."""
    return _OPENAI_REASONS.match(model) is not None


def openai_stops(model: str) -> bool:
    """Tell whether OpenAI ends this model's answer at a sequence.

    This and the next read the names at OpenAI itself: those with a vendor before them are a router's, which
    asks in its own way.
    """
    return _OPENAI_WITHOUT_STOP.match(model) is None


def openai_effort_beside_tools(model: str) -> ToolEffort:
    """Return what OpenAI's chat completions let one say of the effort beside tools."""
    match = _GPT.match(model)
    generation = (int(match[1]), int(match[2] or 0)) if match else (0, 0)
    return next(holds for first, holds in _EFFORT_BESIDE_TOOLS if generation >= first)


def _claude_generation(model: str) -> tuple[int, int]:
    match = _CLAUDE.search(model)
    return (int(match[1]), int(match[2] or 0)) if match else _NEWEST
