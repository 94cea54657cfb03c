"""The committed reference is what the models say, and leaves out nothing that the API server knows."""

import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from drawbridge_crds import docstrings
from drawbridge_crds.conditions import ConditionType, Reason
from drawbridge_crds.engine import REFUSED_ENGINE_FLAGS
from drawbridge_crds.generate import policy_crd, pool_crd
from drawbridge_crds.reference import pages

from tests.contract.metrics_page import PAGE

REFERENCE = Path("docs/reference")
CRDS = {"inferencepool.md": pool_crd(), "routingpolicy.md": policy_crd()}


@pytest.mark.parametrize("name", sorted(pages()))
def test_committed_page_is_current(name: str) -> None:
    assert (REFERENCE / name).read_text() == pages()[name], "run `make generate`"


def test_no_other_file_lies_beside_them() -> None:
    assert {path.name for path in REFERENCE.iterdir()} == {*pages(), PAGE.name}


def _nodes(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Walk a schema of the API server, without the models that it was made from."""
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        many = "[]" if child.get("type") == "array" else ""
        yield from _nodes(child.get("items", child), f"{path}.{name}{many}")


def _spec(page: str) -> list[tuple[str, dict[str, Any]]]:
    [version] = CRDS[page]["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]["properties"]
    return [*_nodes(schema["spec"], "spec"), *_nodes(schema["status"], "status")]


@pytest.mark.parametrize("page", CRDS)
def test_every_field_of_the_schema_has_a_row_or_its_parent_says_where(page: str) -> None:
    rows = [line.split(" | ") for line in pages()[page].splitlines() if line.startswith("| `")]
    shown = {row[0].strip("| `") for row in rows}
    elsewhere = {row[0].strip("| `") for row in rows if "Fields: as `" in row[-1]}
    missing = [
        path
        for path, _ in _spec(page)
        if path not in {"spec", "status"} | shown and not any(path.startswith(f"{e}.") for e in elsewhere)
    ]
    assert missing == []


@pytest.mark.parametrize("page", CRDS)
def test_a_column_of_what_is_not_reported_is_told_to_be_empty(page: str) -> None:
    texts = {f".{path}": node.get("description", "") for path, node in _spec(page)}
    unreported = {path for path, text in texts.items() if "Not reported yet." in text}
    lines = pages()[page].splitlines()
    [version] = CRDS[page]["spec"]["versions"]
    for column in version["additionalPrinterColumns"]:
        [row] = [line for line in lines if line.startswith(f"| {column['name']} | `{column['jsonPath']}` |")]
        assert ("empty in this version" in row) == (column["jsonPath"] in unreported), row


@pytest.mark.parametrize("page", CRDS)
def test_every_rule_of_the_schema_is_told(page: str) -> None:
    messages = {
        rule["message"] for _, node in _spec(page) for rule in node.get("x-kubernetes-validations", ())
    }
    assert messages
    text = pages()[page].replace("&lt;", "<").replace("&gt;", ">")
    assert sorted(message for message in messages if message not in text) == []


@pytest.mark.parametrize("page", CRDS)
def test_every_static_default_is_in_the_table(page: str) -> None:
    text = pages()[page]
    table = text[text.index("## Every default") : text.index("## Status")]
    defaults = [
        (f"{path}{'[]' if isinstance(child['default'], list) else ''}.{name}", child["default"])
        for path, node in _spec(page)
        for name, child in node.get("properties", {}).items()
        if "default" in child and not isinstance(child["default"], dict | list)
    ]
    rows = [f"| `{path}` | `{default}` | static |" for path, default in defaults]
    shared = ("source.image.path",)  # of every model source: shown once
    assert [row for row in rows if row not in table and not any(part in row for part in shared)] == []


@pytest.mark.parametrize("enum", [ConditionType, Reason])
def test_every_condition_type_and_reason_has_a_meaning(enum: type[StrEnum]) -> None:
    assert [member for member, meaning in docstrings.members(enum).items() if not meaning] == []


@pytest.mark.parametrize("name", sorted(pages()))
def test_nothing_but_line_breaks_is_read_as_html(name: str) -> None:
    [_, *lines] = pages()[name].splitlines()
    outside_code = "".join("".join(line.split("`")[::2]) for line in lines)
    assert re.findall(r"<(?!br>)\w*>?", outside_code) == []


@pytest.mark.parametrize("name", sorted(pages()))
def test_no_row_says_the_same_twice(name: str) -> None:
    for line in pages()[name].splitlines():
        told = [part.strip(" .") for part in re.split(r"<br>|\. | \| |(?<=`): ", line) if " " in part.strip()]
        assert len(told) == len(set(told)), line


def test_the_form_of_a_value_is_told_in_the_words_of_its_type() -> None:
    types = {
        row[0].strip("| `"): row[1]
        for name in CRDS
        for line in pages()[name].splitlines()
        if len(row := line.split(" | ")) == len(("field", "type", "default", "meaning"))
    }
    form = "string, at most {} characters, {}"
    label = form.format(63, "a DNS label (RFC 1123)")
    assert types["spec.model.name"] == form.format(
        128, "of letters, digits and `._/@-`, the first a letter or digit"
    )
    assert types["spec.clouds[].model"] == form.format(
        128, "of letters, digits and `._/:@-`, the first a letter or digit"
    )
    assert types["spec.clouds[].name"] == label
    assert types["spec.batch.parallel"] == "integer, 1 to 256"
    assert types["spec.routes[].hold.maxWait"] == form.format(16, "a time span such as 90s or 1h30m")
    assert types["spec.budgets[].amount"] == form.format(20, 'a decimal number in quotes, such as "0.25"')


@pytest.mark.parametrize("page", CRDS)
def test_what_holds_where_a_field_is_left_out_is_in_the_table(page: str) -> None:
    text = pages()[page]
    fields, table = text.split("## Every default")
    told = re.findall(r"Unset: (.+?)\.(?=\s|<)", fields)
    assert len(told) > 5
    assert [default for default in told if f"| {default} | computed |" not in table] == []
    assert re.findall(r"[^.|]*\b(?:when|if) (?:unset|empty)\b[^.|]*", fields) == [], "say `Unset: ...`"


def test_every_refused_flag_is_listed() -> None:
    text = pages()["inferencepool.md"]
    assert [flag for flag in REFUSED_ENGINE_FLAGS if f"`{flag}`" not in text] == []
