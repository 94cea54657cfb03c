"""Error codes, headers, fields, reasons: each that a person can meet is explained, and no other."""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from drawbridge_crds.conditions import ConditionType, Reason
from drawbridge_crds.fields import read_not_yet
from drawbridge_crds.policy import Classification, RoutingPolicySpec
from drawbridge_gateway.dataplane import fields, refusals
from drawbridge_gateway.dataplane.request import FORBIDDEN
from drawbridge_gateway.protocols.anthropic import ANTHROPIC
from drawbridge_gateway.protocols.openai import OPENAI

PACKAGE = Path("gateway/src")
HTTP_API = Path("docs/http-api.md")
TROUBLESHOOTING = Path("docs/troubleshooting.md")

VARIABLES = {"code": {"request_too_large", "context_length_exceeded", "invalid_request"}}
"""Codes that a local variable holds, by its name."""

NEVER_SEEN = {"header_missing"}
"""Between gateway and bridge only: the gateway sends each header, so no client sees it."""


def _expressions() -> Iterator[tuple[ModuleType, ast.expr]]:
    """Yield what stands for the code in each `ApiError(status, code, ...)`, and where."""
    for path in sorted(PACKAGE.rglob("*.py")):
        calls = [
            node
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "ApiError"
        ]
        if calls:
            module = importlib.import_module(".".join(path.relative_to(PACKAGE).with_suffix("").parts))
            yield from (
                (module, next((k.value for k in call.keywords if k.arg == "code"), None) or call.args[1])
                for call in calls
            )


def _codes_of(module: ModuleType, expression: ast.expr) -> set[str]:
    """Return the codes that an expression can be: its literals, and the constants that it names."""
    found = set()
    for node in ast.walk(expression):
        if isinstance(node, ast.Constant):
            found.add(str(node.value))
        elif isinstance(node, ast.Name):
            constant = getattr(module, node.id, None)
            if isinstance(constant, str):
                found.add(constant)
            elif isinstance(constant, dict):
                found |= set(constant.values())
            else:
                found |= VARIABLES.get(node.id, set())
    assert found, f"{module.__name__}: what can {ast.unparse(expression)} be?"
    return found


def _codes() -> set[str]:
    return set().union(*(_codes_of(*found) for found in _expressions())) - NEVER_SEEN


def _documented() -> set[str]:
    text = HTTP_API.read_text()
    table = text[text.index("## Error codes") :]
    return set(re.findall(r"^\| `([a-z_]+)` \|", table, re.MULTILINE))


def test_the_table_of_error_codes_is_complete_and_has_no_others() -> None:
    assert len(_codes()) > 30
    assert _documented() == _codes()


def test_the_gateways_refusals_have_the_status_that_the_table_says() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \| ([^|]+) \|", HTTP_API.read_text(), re.MULTILINE)
    # none is said in a stream, which has its status already
    documented = {code: re.findall(r"\d{3}", statuses) for code, statuses in rows}
    makers = [make for _, make in inspect.getmembers(refusals, inspect.isfunction)]
    made = [make(*("x" for _ in inspect.signature(make).parameters)) for make in makers]
    assert len(made) > 20
    assert [e for e in made if documented[e.code] and str(e.status) not in documented[e.code]] == []


GOOD = {
    Reason.ACCEPTED,
    Reason.MODEL_FOUND,
    Reason.REPLICAS_READY,
    Reason.ROLLOUT_COMPLETE,
    Reason.REFS_RESOLVED,
    Reason.CREDENTIALS_READABLE,
    Reason.PROGRAMMED,
    Reason.READY,
}
"""Reasons of what is in order."""


def test_every_reason_that_is_a_symptom_is_found() -> None:
    text = TROUBLESHOOTING.read_text()
    assert sorted(reason for reason in set(Reason) - GOOD if f"`{reason}`" not in text) == []


def test_harmless_settings_are_named_where_a_change_is_not_in_force() -> None:
    [told] = re.findall(r"harmless settings\n\s*\(([^)]+)\)", TROUBLESHOOTING.read_text())
    harmless = [s.path for s in read_not_yet(RoutingPolicySpec, "") if not s.guards]
    assert sorted(re.findall(r"`([^`]+)`", told)) == sorted(
        path.removeprefix(".").removeprefix("routes[].") for path in harmless
    )


def test_no_reason_is_explained_that_does_not_exist() -> None:
    rows = re.findall(r"^\| `(\w+)`: ([^|]+) \|", TROUBLESHOOTING.read_text(), re.MULTILINE)
    assert len(rows) > 20
    assert {kind for kind, _ in rows} <= set(ConditionType)
    assert {reason for _, reasons in rows for reason in re.findall(r"`(\w+)`", reasons)} <= set(Reason)


def test_every_error_code_is_found_under_a_symptom() -> None:
    text = TROUBLESHOOTING.read_text()
    assert sorted(code for code in _codes() if f"`{code}`" not in text) == []


def _own_headers() -> set[str]:
    """Return the headers of ours that the data plane reads from clients or sends to them."""
    return {
        node.value.decode()
        for path in (PACKAGE / "drawbridge_gateway/dataplane").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, bytes)
        and re.fullmatch(rb"x-drawbridge-[a-z-]+", node.value)
    } | {Classification().header}


def test_every_header_is_explained_and_no_other_one() -> None:
    text = HTTP_API.read_text()
    assert len(_own_headers()) > 5
    assert set(re.findall(r"^\| `(x-drawbridge-[a-z-]+)` \|", text, re.MULTILINE)) == _own_headers()
    assert sorted(name.decode() for name in fields._WANTED if f"`{name.decode()}" not in text) == []


def test_fields_that_pass_or_are_refused_are_listed() -> None:
    text = HTTP_API.read_text()
    listed = FORBIDDEN | OPENAI.extensions | ANTHROPIC.extensions
    assert sorted(name for name in listed if f"`{name}`" not in text) == []


def _marks() -> set[str]:
    """Return the labels and annotations that operator, gateway and charts use."""
    sources = [
        *Path("operator/src").rglob("*.py"),
        *PACKAGE.rglob("*.py"),
        *Path("crds/src").rglob("*.py"),
        *Path("charts/drawbridge/templates").rglob("*.*"),
    ]
    found = {mark for path in sources for mark in re.findall(MARK, path.read_text())}
    return {mark.replace("{GROUP}", "drawbridge.dev") for mark in found} - NO_MARKS


MARK = r"(?:drawbridge\.dev|\{GROUP\})/[a-z][a-z-]*[a-z]\b"

NO_MARKS = {"drawbridge.dev/never-set"}
"""A finalizer that kopf demands a name for, and that no object ever gets."""


def test_every_label_and_annotation_is_explained() -> None:
    text = Path("docs/reference/names.md").read_text() + Path("docs/architecture.md").read_text()
    assert len(_marks()) > 10
    assert sorted(mark for mark in _marks() if f"`{mark}`" not in text) == []
