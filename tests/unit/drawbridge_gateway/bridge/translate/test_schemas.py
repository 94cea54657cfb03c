from typing import Any

import pytest
from drawbridge_gateway.bridge.translate.schemas import closed, is_closed, is_strict, says_open

OPEN: dict[str, Any] = {"type": "object"}
TEXT: dict[str, Any] = {"type": "string"}
SHUT: dict[str, Any] = {"type": "object", "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        pytest.param({}, {}, id="no object"),
        pytest.param({"type": "string"}, {"type": "string"}, id="a text"),
        pytest.param(OPEN, SHUT, id="an object"),
        pytest.param(SHUT, SHUT, id="one that is closed"),
        pytest.param(
            {"properties": {}}, {"properties": {}, "additionalProperties": False}, id="by its fields"
        ),
        pytest.param(
            {"type": ["object", "null"]}, {**SHUT, "type": ["object", "null"]}, id="an object or null"
        ),
        pytest.param({"items": OPEN}, {"items": SHUT}, id="in a list"),
        pytest.param({"prefixItems": [OPEN, True]}, {"prefixItems": [SHUT, True]}, id="at a place in a list"),
        pytest.param(
            {"anyOf": [OPEN, {"items": OPEN}]}, {"anyOf": [SHUT, {"items": SHUT}]}, id="one of some"
        ),
        pytest.param({"$defs": {"x": OPEN}}, {"$defs": {"x": SHUT}}, id="by reference"),
        pytest.param({"definitions": {"x": OPEN}}, {"definitions": {"x": SHUT}}, id="by the older name"),
        pytest.param(
            {**SHUT, "properties": {"properties": OPEN}},
            {**SHUT, "properties": {"properties": SHUT}},
            id="a field that is called as a keyword",
        ),
        pytest.param({"default": OPEN, "enum": [OPEN]}, {"default": OPEN, "enum": [OPEN]}, id="data is none"),
        pytest.param({"$defs": [OPEN], "items": 7}, {"$defs": [OPEN], "items": 7}, id="no schema at all"),
    ],
)
def test_closed(schema: dict[str, Any], expected: dict[str, Any]) -> None:
    assert closed(schema) == expected
    assert is_closed(expected)
    assert is_closed(schema) is (schema == expected)


@pytest.mark.parametrize(
    "keyword",
    [
        "anyOf", "allOf", "oneOf", "prefixItems", "items", "additionalItems", "contains", "not", "if", "then",
        "else", "propertyNames", "additionalProperties",
    ],
)  # fmt: skip
def test_what_is_closed_behind_every_keyword_that_holds_schemas(keyword: str) -> None:
    assert closed({keyword: OPEN}) == {keyword: SHUT}
    assert closed({keyword: [OPEN]}) == {keyword: [SHUT]}


@pytest.mark.parametrize(
    "keyword", ["properties", "patternProperties", "dependentSchemas", "$defs", "definitions"]
)
def test_what_is_closed_behind_every_keyword_that_holds_schemas_by_name(keyword: str) -> None:
    assert closed({keyword: {"x": OPEN}})[keyword] == {"x": SHUT}


@pytest.mark.parametrize(
    ("schema", "is_open"),
    [
        pytest.param(OPEN, False, id="nothing is said"),
        pytest.param(SHUT, False, id="closed"),
        pytest.param({**OPEN, "additionalProperties": True}, True, id="open"),
        pytest.param({"anyOf": [{**OPEN, "additionalProperties": {"type": "string"}}]}, True, id="for texts"),
        pytest.param({**OPEN, "additionalProperties": 0}, True, id="a number"),
        pytest.param({"enum": [{"additionalProperties": True}]}, False, id="data is none"),
    ],
)
def test_says_open(schema: dict[str, Any], *, is_open: bool) -> None:
    assert says_open(schema) is is_open


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        pytest.param(SHUT, True, id="closed and empty"),
        pytest.param(OPEN, False, id="open"),
        pytest.param({"type": "string"}, False, id="no object at the top"),
        pytest.param({**SHUT, "properties": {"a": TEXT}, "required": ["a"]}, True, id="all required"),
        pytest.param({**SHUT, "properties": {"a": TEXT}, "required": []}, False, id="one not required"),
        pytest.param({**SHUT, "properties": {"a": TEXT}}, False, id="nothing required"),
        pytest.param(
            {**SHUT, "properties": {"a": {"items": OPEN}}, "required": ["a"]}, False, id="open in a list"
        ),
        pytest.param(
            {**SHUT, "$defs": {"x": {**SHUT, "properties": {"a": TEXT}}}},
            False,
            id="not required by reference",
        ),
        pytest.param({**SHUT, "anyOf": [SHUT]}, False, id="one of some at the top"),
        pytest.param(
            {**SHUT, "properties": {"a": {"anyOf": [SHUT, TEXT]}}, "required": ["a"]}, True, id="one of some"
        ),
        pytest.param(
            {**SHUT, "properties": {"a": {"allOf": [SHUT]}}, "required": ["a"]}, False, id="all of some"
        ),
        pytest.param(
            {**SHUT, "properties": {"a": {"oneOf": [SHUT]}}, "required": ["a"]},
            False,
            id="exactly one of some",
        ),
        pytest.param({**SHUT, "properties": {"a": {}}, "required": ["a"]}, False, id="a field of any type"),
        pytest.param({**SHUT, "properties": ["a"], "required": "a"}, True, id="what is none of these"),
    ],
)
def test_is_strict(schema: dict[str, Any], *, strict: bool) -> None:
    assert is_strict(schema) is strict


@pytest.mark.parametrize(
    "keyword",
    [
        "allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas",
        "patternProperties",
    ],
)  # fmt: skip
def test_keywords_that_no_strict_schema_has(keyword: str) -> None:
    schema = {**SHUT, "properties": {"a": TEXT}, "required": ["a"]}
    assert is_strict(schema)
    assert not is_strict({**schema, "properties": {"a": {**TEXT, keyword: SHUT}}})
