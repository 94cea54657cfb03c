"""Every field of a resource by its path, as its reference shows it. Pure: models in, rows out."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from drawbridge_crds import docstrings, values
from drawbridge_crds.generate import Schema, part_of
from drawbridge_crds.rules import NotYet, Rule, Unimplemented

_WHEN_UNSET: Final = re.compile(r"\bUnset: (.+?)\.(?=\s|$)")
"""The sentence of a docstring that says what holds where the field is left out."""


@dataclass(frozen=True, slots=True)
class Row:
    """One field."""

    path: str
    """Such as `spec.routes[].backends[].weight`."""

    type: str
    """In words, with its bounds."""

    required: bool
    default: str
    """The schema's, as YAML; "" when it has none."""

    meaning: str
    values: tuple[tuple[str, str], ...]
    """Of an enum, each with its meaning."""

    not_yet: tuple[str, ...]
    """Settings of it that nothing acts on yet, as written in YAML."""

    same_as: str
    """The path at which the fields below this one are shown; "" when they follow here, or there are none."""

    @property
    def when_unset(self) -> str:
        """Return what the meaning tells of the computed default; "" when it tells of none."""
        told = _WHEN_UNSET.search(self.meaning)
        return told[1] if told else ""

    @property
    def kind_of_default(self) -> str:
        """Return "static" for a schema's, "computed" for one that the meaning tells; "" for none."""
        if self.required:
            return ""
        return "static" if self.default else "computed" if self.when_unset else ""


@dataclass(frozen=True, slots=True)
class PlacedRule:
    """A rule and the object that it is about."""

    path: str
    rule: Rule


def read_rows(model: type[BaseModel], schema: Schema, path: str) -> list[Row]:
    """List the fields of a model, at any depth, in the order in which they are declared."""
    return list(_rows(model, schema, path, _homes(model, path)))


def read_rules(model: type[BaseModel], path: str) -> list[PlacedRule]:
    """List the rules of a model and of all parts of it, each part once."""
    homes = _homes(model, path).items()
    return [PlacedRule(home, rule) for part, home in homes for rule in getattr(part, "rules", ())]


def read_not_yet(model: type[BaseModel], path: str) -> list[Unimplemented]:
    """List the settings that nothing acts on yet, by path."""
    return sorted(
        Unimplemented(f"{home}.{entry.field}", entry.guards, entry.remedy)
        for part, home in _homes(model, path).items()
        for entry in getattr(part, "not_yet", ())
    )


def _homes(model: type[BaseModel], path: str) -> dict[type[BaseModel], str]:
    """Return for each part of a model the shallowest path at which it occurs: there its fields are shown."""
    homes = {model: path}
    pending = [model]
    while pending:
        owner = pending.pop(0)
        for name, field in owner.model_fields.items():
            part = part_of(field.annotation)
            if part is not None and issubclass(part, BaseModel) and part not in homes:
                many = "[]" if get_origin(field.annotation) is tuple else ""
                homes[part] = f"{homes[owner]}.{field.alias or name}{many}"
                pending.append(part)
    return homes


def _rows(
    model: type[BaseModel], schema: Schema, path: str, homes: Mapping[type[BaseModel], str]
) -> Iterator[Row]:
    for name, field in model.model_fields.items():
        key = field.alias or name
        node = schema["properties"][key]
        below = f"{path}.{key}".lstrip(".") + ("[]" if node.get("type") == "array" else "")
        part = part_of(field.annotation)
        inner = part if part is not None and issubclass(part, BaseModel) else None
        home = homes[inner].lstrip(".") if inner is not None else below
        yield _row(
            below,
            node,
            field,
            part,
            required=key in schema.get("required", ()),
            same_as="" if home == below else home,
            not_yet=_settings_of(key, getattr(model, "not_yet", ())),
        )
        if inner is not None and home == below:
            yield from _rows(inner, node.get("items", node), below, homes)


def _row(
    path: str,
    node: Schema,
    field: FieldInfo,
    part: type | None,
    *,
    required: bool,
    same_as: str,
    not_yet: tuple[str, ...],
) -> Row:
    meanings = docstrings.members(part) if part is not None and issubclass(part, StrEnum) else {}
    about = field.description or (part.__doc__ if part is not None else "") or ""
    return Row(
        path=path,
        type=", ".join([_kind(node), *_bounds(node)]),
        required=required,
        default=_as_yaml(node["default"]) if _is_leaf_default(node) else "",
        meaning=docstrings.one_line(about),
        values=tuple(meanings.items()),
        not_yet=not_yet,
        same_as=same_as,
    )


def _settings_of(key: str, not_yet: tuple[NotYet, ...]) -> tuple[str, ...]:
    """Return the settings that concern one field: they begin with its name."""
    return tuple(item.field for item in not_yet if re.match(rf"{key}\b", item.field))


_PLURALS: Final = {"string": "strings", "integer": "integers", "object": "objects", "one of": "values"}


def _kind(node: Schema) -> str:
    if "enum" in node:
        return "one of " + ", ".join(f"`{value}`" for value in node["enum"])
    if node.get("x-kubernetes-int-or-string"):
        return "quantity"
    if node.get("type") == "array":
        kind = _kind(node["items"])
        return f"list of {_PLURALS.get(kind, kind.removeprefix('one of '))}"
    if "additionalProperties" in node:
        return f"map of string to {_kind(node['additionalProperties'])}"
    return str(node.get("type", "object"))


def _bounds(node: Schema) -> Iterator[str]:
    low, high = node.get("minimum"), node.get("maximum")
    if high is not None:
        yield f"{low} to {high:,}".replace(",", " ")
    elif low is not None and node.get("type") == "integer":
        yield f"at least {low}"
    if "maxItems" in node:
        yield (
            f"{node['minItems']} to {node['maxItems']}"
            if "minItems" in node
            else f"at most {node['maxItems']}"
        )
    if "maxProperties" in node:
        yield f"at most {node['maxProperties']} entries"
    if "enum" not in node and "maxLength" in node:
        yield f"at most {node['maxLength']} characters"
    if "pattern" in node:
        yield _PATTERNS.get(node["pattern"]) or f"matches `{node['pattern']}`"
    if node.get("type") == "array":
        yield from (f"each {bound}" for bound in _bounds(node["items"]))


def _known_patterns() -> dict[str, str]:
    """Say the patterns of shared types in the words of their docstrings.

    The first sentence of such a docstring says what the value is and, after a colon, what it looks like.
    """
    words = {}
    for name, meaning in docstrings.constants(values).items():
        [sentence, *_] = re.split(r"(?<=\.)\s", meaning)
        for pattern in re.findall(r"pattern='([^']*)'|pattern=\"([^\"]*)\"", repr(getattr(values, name))):
            words["".join(pattern).replace("\\\\", "\\")] = sentence.partition(": ")[2].rstrip(".")
    return words


_PATTERNS: Final = _known_patterns()


def _is_leaf_default(node: Schema) -> bool:
    return "default" in node and not isinstance(node["default"], dict)


def _as_yaml(value: Any) -> str:
    """Write a default as a person would in YAML."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(_as_yaml(item) for item in value)}]"
    return str(value)
