"""What becomes of each field on its way into the other protocol: rules as data, and their application."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final

from drawbridge_gateway.bridge.translate.shapes import wrong_type, wrong_value
from drawbridge_gateway.protocols.dialect import Kinds, named
from drawbridge_gateway.protocols.errors import NOT_TRANSLATABLE, ApiError, RequestRefused

ANYWHERE: Final = "*."
"""Begins the path of a rule for a field of every object."""

OTHER: Final = "other"
"""Stands for the name of a field that has no rule."""

TYPE: Final = "type"
"""The field that tells what an object is. It has no rule: who reads the object says which types may be."""

BLOCK: Final[Kinds] = frozenset()
"""The types of what is no field, but a kind of block."""


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

    kinds: Kinds = BLOCK
    """KEPT: the types that it may have."""

    idle: tuple[Any, ...] = ()
    """Values that ask for nothing: treated as if the field were absent."""

    def is_idle(self, value: Any) -> bool:
        """Tell whether a value asks for nothing. To Python 1 is true and 0 is false, to JSON they are not."""
        return any(value == idle and isinstance(value, bool) == isinstance(idle, bool) for idle in self.idle)


Rules = Mapping[str, Rule]
"""By path, such as `messages.name`: names of fields, without the indexes of lists."""


def kept(kinds: Kinds, note: str, *idle: Any) -> Rule:
    """Rule for a field that passes."""
    return Rule(Fate.KEPT, note, kinds, idle)


def lost(note: str, *idle: Any) -> Rule:
    """Rule for a field without which the answer is still one to the question."""
    return Rule(Fate.LOST, note, idle=idle)


def refused(note: str, *idle: Any) -> Rule:
    """Rule for a field without which the question would be another one."""
    return Rule(Fate.REFUSED, note, idle=idle)


@dataclass(frozen=True, slots=True)
class Translated:
    """A request in the other protocol."""

    body: dict[str, Any]
    lost: tuple[str, ...]
    """Paths of the fields that could not be said, each once, in the order of their first loss."""


class Translation:
    """One request under translation: knows the rules and notes what was lost."""

    def __init__(self, language: str, rules: Rules) -> None:
        """Translate into `language`, as messages to clients call it."""
        self._language = language
        self._rules = rules
        self._lost: dict[str, None] = {}
        self._opened: list[Asked] = []

    def open(self, fields: Mapping[str, Any], path: str = "", where: str = "") -> "Asked":
        """Open an object of the request: rules call it `path`, its exact place is `where`.

        Raises:
            RequestRefused: one of its fields is refused, or of a wrong type.
        """
        asked = Asked(self, fields, path, where)
        self._opened.append(asked)
        return asked

    def done(self, body: dict[str, Any]) -> Translated:
        """Return the translation. Only now is it known what nobody wanted to hear."""
        for asked in self._opened:
            asked.lose_unheard()
        return Translated(body, tuple(self._lost))

    def rule_of(self, path: str, name: str) -> tuple[str, Rule | None]:
        """Return the rule for a field of an object, and its own path."""
        own = _join(path, name)
        found = own if own in self._rules else ANYWHERE + name
        return found, self._rules.get(found)

    def loses(self, path: str) -> bool:
        """Tell whether a rule has all that is there lost."""
        return self._rules[path].fate is Fate.LOST

    def lose(self, path: str) -> None:
        """Note a loss that a rule allows."""
        self._lost[path.removeprefix(ANYWHERE)] = None

    def refusal(self, path: str, where: str) -> RequestRefused:
        """Return the refusal that a rule demands; `where` is its exact place, such as `messages[3]`."""
        shown = path.removeprefix(ANYWHERE)
        place = f'"{shown}" ({where})' if where and where != shown else f'"{shown}"'
        return RequestRefused(
            ApiError(
                HTTPStatus.BAD_REQUEST,
                NOT_TRANSLATABLE,
                f"{place} cannot be said in {self._language}: {self._rules[path].note}",
                param=where or shown,
            )
        )


class Asked:
    """An object of a request, held against its rules.

    Null is the same as absent. A field without a rule is none of the API known here: it is lost as `other`,
    for its name is the client's own text. A field that may pass and that nobody read is lost by its name.
    """

    def __init__(self, translation: Translation, fields: Mapping[str, Any], path: str, where: str) -> None:
        """Open an object; for the translation alone to call."""
        self._translation = translation
        self._path = path
        self._where = where
        self._fields = dict(self._sift(fields))
        self._heard: set[str] = set()

    def _sift(self, fields: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        for name, value in fields.items():
            path, rule = self._translation.rule_of(self._path, name)
            if value is None or (rule is not None and rule.is_idle(value)):
                continue
            if name == TYPE or (rule is not None and type(value) in rule.kinds):
                yield name, value
            elif rule is None or (rule.fate is Fate.KEPT and rule.kinds == BLOCK):
                self.lose(_join(self._path, OTHER))
            elif rule.fate is Fate.LOST:
                self.lose(path)
            elif rule.fate is Fate.KEPT:
                raise wrong_type(self._place(name), named(rule.kinds))
            else:
                raise self.refusal(path, self._place(name))

    def get(self, name: str, default: Any = None) -> Any:
        """Return a field as it is; what is in it passes unseen."""
        self.acknowledge(name)
        return self._fields.get(name, default)

    def acknowledge(self, name: str) -> None:
        """Mark a field as read whose value changes nothing here: it is not lost."""
        self._heard.add(name)

    def some(self, *names: str) -> dict[str, Any]:
        """Return those of some fields that are there."""
        return {name: self.get(name) for name in names if name in self._fields}

    def first(self, *names: str) -> Any:
        """Return the first of some fields that is there; another one is lost."""
        return next((self.get(name) for name in names if name in self._fields), None)

    def need(self, name: str) -> Any:
        """Return a field as it is; raises RequestRefused where there is none."""
        value = self.get(name)
        if value is None:
            _, rule = self._translation.rule_of(self._path, name)
            raise wrong_type(self._place(name), named(rule.kinds if rule else BLOCK))
        return value

    def texts(self, name: str) -> list[str]:
        """Return a list of texts, or a text as a list of one; raises RequestRefused."""
        value = self.get(name, [])
        texts = [value] if isinstance(value, str) else value
        if any(not isinstance(one, str) for one in texts):
            raise wrong_type(self._place(name), "a list of strings")
        return list(texts)

    def open(self, name: str, default: Mapping[str, Any] | None = None) -> "Asked":
        """Open the object in a field, once; raises RequestRefused where there is none and no `default`."""
        fields = self.need(name) if default is None else self.get(name, default)
        return self._translation.open(fields, _join(self._path, name), self._place(name))

    def each(self, name: str, default: list[Any] | None = None) -> Iterator["Asked"]:
        """Open the objects of a list, once, one after the other.

        Raises:
            RequestRefused: there is no list and no `default`, or there is something else in it.
        """
        for where, item in self._items(name, default):
            yield self._translation.open(item, _join(self._path, name), where)

    def blocks(
        self, name: str, *known: str, default: list[Any] | None = None, under: str = "", otherwise: str = ""
    ) -> Iterator[tuple[str, "Asked"]]:
        """Open the blocks of a content as `each` does, with their types, each one of those known.

        A string is one block, a text. `under`: rules call a block by its type, under this path; one that is
        lost whole is passed over. `otherwise`: as in `kind`.
        """
        path = _join(self._path, name)
        for where, item in self._items(name, default):
            own = f"{under}.{item.get(TYPE)}" if under else path
            if under and item.get(TYPE) in known and self._translation.loses(own):
                self.lose(own)
            else:
                block = self._translation.open(item, own, where)
                yield block.kind(*known, otherwise=otherwise), block

    def _items(self, name: str, default: list[Any] | None) -> Iterator[tuple[str, dict[str, Any]]]:
        value = self.need(name) if default is None else self.get(name, default)
        if isinstance(value, str):
            value = [{TYPE: "text", "text": value}] if value else []
        if any(not isinstance(item, dict) for item in value):
            raise wrong_type(self._place(name), "a list of objects")
        return ((f"{self._place(name)}[{index}]", item) for index, item in enumerate(value))

    def kind(self, *known: str, otherwise: str = "", default: str | None = None) -> str:
        """Return the type, one of those known; raises the refusal of the rule `otherwise`, or of `type`."""
        kind = self.get(TYPE, default)
        if not isinstance(kind, str) or kind not in known:
            raise self.refusal(otherwise or _join(self._path, TYPE), self._place(TYPE))
        return kind

    def lose(self, path: str) -> None:
        """Note a loss that a rule allows."""
        self._translation.lose(path)

    def lose_unheard(self) -> None:
        """Note the loss of what passed and was not read."""
        for name in self._fields:
            if name not in self._heard:
                self.lose(_join(self._path, OTHER if name == TYPE else name))

    def refusal(self, path: str, where: str | None = None) -> RequestRefused:
        """Return the refusal that a rule demands, here or at another place."""
        return self._translation.refusal(path, self._where if where is None else where)

    def out_of_range(self, name: str, wanted: str) -> RequestRefused:
        """Return the refusal of a value of a field."""
        return wrong_value(self._place(name), wanted)

    def _place(self, name: str) -> str:
        return _join(self._where, name)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
