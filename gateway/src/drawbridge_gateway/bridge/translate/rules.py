"""What becomes of each field on its way into the other protocol: rules as data, and their application."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final

from drawbridge_gateway.protocols.errors import NOT_TRANSLATABLE, ApiError, RequestRefused

ANYWHERE: Final = "*."
"""Begins the path of a rule for a field of every object."""


OTHER: Final = "other"
"""Stands for the name of a field that has no rule."""


class Fate(StrEnum):
    """What becomes of a field."""

    KEPT = "passes"
    LOST = "is lost, by name"
    REFUSED = "is refused"


@dataclass(frozen=True, slots=True)
class Rule:
    """The fate of one field."""

    fate: Fate
    note: str
    """KEPT: what it becomes. LOST: why the answer is still one to the question. REFUSED: what to do."""

    idle: tuple[Any, ...] = ()
    """Values that ask for nothing: treated as if the field were absent."""


Rules = Mapping[str, Rule]
"""By path, such as `messages.name`: names of fields, without the indexes of lists."""


def kept(note: str, *idle: Any) -> Rule:
    """Rule for a field that passes."""
    return Rule(Fate.KEPT, note, idle)


def lost(note: str, *idle: Any) -> Rule:
    """Rule for a field without which the answer is still one to the question."""
    return Rule(Fate.LOST, note, idle)


def refused(note: str, *idle: Any) -> Rule:
    """Rule for a field without which the question would be another one."""
    return Rule(Fate.REFUSED, note, idle)


@dataclass(frozen=True, slots=True)
class Translated:
    """A request in the other protocol."""

    body: dict[str, Any]
    lost: tuple[str, ...]
    """Paths of the fields that could not be said, each once, in the order of their first loss."""


class Translation:
    """One request under translation: applies the rules and notes what was lost."""

    def __init__(self, language: str, rules: Rules) -> None:
        """Translate into `language`, as messages to clients call it."""
        self._language = language
        self._rules = rules
        self._lost: dict[str, None] = {}

    @property
    def losses(self) -> tuple[str, ...]:
        """Name what was lost so far."""
        return tuple(self._lost)

    def sift(self, fields: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
        """Return the fields of an object that pass, without those that are null or ask for nothing.

        A field without a rule is none of the API known here: it is lost as `other`, for its name is the
        client's own text.

        Raises:
            RequestRefused: one of them is refused.
        """
        passed = {}
        for name, value in fields.items():
            path = prefix + name if prefix + name in self._rules else ANYWHERE + name
            rule = self._rules.get(path)
            if value is None or (rule is not None and value in rule.idle):
                continue
            if rule is None:
                self.lose(f"{prefix}{OTHER}")
            elif rule.fate is Fate.KEPT:
                passed[name] = value
            elif rule.fate is Fate.LOST:
                self.lose(path)
            else:
                raise self.refusal(path)
        return passed

    def knows(self, path: str) -> bool:
        """Tell whether there is a rule for a path."""
        return path in self._rules

    def lose(self, path: str) -> None:
        """Note a loss that a rule allows."""
        self._lost[path.removeprefix(ANYWHERE)] = None

    def refusal(self, path: str, where: str | None = None) -> RequestRefused:
        """Return the refusal that a rule demands; `where` is its exact place, such as `messages[3]`."""
        shown = path.removeprefix(ANYWHERE)
        named = f'"{shown}"' if where is None else f'"{shown}" ({where})'
        return RequestRefused(
            ApiError(
                HTTPStatus.BAD_REQUEST,
                NOT_TRANSLATABLE,
                f"{named} cannot be said in {self._language}: {self._rules[path].note}",
                param=where or shown,
            )
        )
