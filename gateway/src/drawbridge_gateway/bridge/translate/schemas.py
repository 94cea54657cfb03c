"""What providers demand of the JSON schemas that they hold an answer, or the arguments of a tool, to. Pure.

Anthropic: "For 'object' type, 'additionalProperties' must be explicitly set to false". OpenAI's strict mode:
likewise, each property must be in `required`, and only some keywords are known.
Sources: both providers' pages on structured outputs.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any, Final

Schema = dict[str, Any]

OPEN: Final = "additionalProperties"
"""Says whether an object may have fields that its schema does not name; by JSON Schema it may."""

_BY_NAME: Final = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"})
"""Keywords with an object of schemas. What other keywords hold, such as `default` or `enum`, is data."""

_ONE_OR_SOME: Final = frozenset({
    "anyOf", "allOf", "oneOf", "prefixItems", "items", "additionalItems", "contains", "not", "if", "then",
    "else", "propertyNames", OPEN,
})  # fmt: skip
"""Keywords with a schema, or with a list of some."""


_NEVER_STRICT: Final = frozenset({
    "allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas",
    "patternProperties",
})  # fmt: skip
"""Keywords that OpenAI's strict mode refuses."""

_TELL_THE_TYPE: Final = frozenset({"type", "anyOf", "$ref"})
"""One of them must be there: "schema must have a 'type' key"."""


def says_open(schema: Schema) -> bool:
    """Tell whether an object, at any depth, is said to take more fields than its schema names."""
    return any(OPEN in one and one[OPEN] is not False for one in _all(schema))


def is_closed(schema: Schema) -> bool:
    """Tell whether every object, at any depth, is said to take no other fields."""
    return all(one.get(OPEN) is False for one in _all(schema) if _is_object(one))


def closed(schema: Schema) -> Schema:
    """Return a copy with every object closed that does not say what it is."""
    copy = deepcopy(schema)
    for one in list(_all(copy)):
        if _is_object(one):
            one.setdefault(OPEN, False)
    return copy


def is_strict(schema: Schema) -> bool:
    """Tell whether OpenAI can hold to a schema strictly: an object, closed, with all properties required."""
    if schema.get("type") != "object" or "anyOf" in schema or not is_closed(schema):
        return False
    return all(
        one.keys().isdisjoint(_NEVER_STRICT)
        and not one.keys().isdisjoint(_TELL_THE_TYPE)
        and all(name in _required(one) for name in _properties(one))
        for one in _all(schema)
    )


def _all(schema: Schema) -> Iterator[Schema]:
    """Return a schema and all that are in it."""
    yield schema
    for keyword, value in schema.items():
        for inner in _held(keyword, value):
            yield from _all(inner)


def _held(keyword: str, value: Any) -> list[Schema]:
    """Return the schemas that a keyword holds."""
    some: Any = []
    if keyword in _BY_NAME and isinstance(value, dict):
        some = value.values()
    elif keyword in _ONE_OR_SOME:
        some = value if isinstance(value, list) else [value]
    return [one for one in some if isinstance(one, dict)]


def _is_object(schema: Schema) -> bool:
    kind = schema.get("type")
    return kind == "object" or (isinstance(kind, list) and "object" in kind) or "properties" in schema


def _properties(schema: Schema) -> list[str]:
    properties = schema.get("properties")
    return list(properties) if isinstance(properties, dict) else []


def _required(schema: Schema) -> list[Any]:
    required = schema.get("required")
    return required if isinstance(required, list) else []
