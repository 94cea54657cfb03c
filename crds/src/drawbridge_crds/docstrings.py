"""Docstrings that Python itself does not keep: those below a constant or an enum's member.

Read from the source, as pydantic does with `use_attribute_docstrings` for the fields of models.
"""

import ast
import inspect
import itertools
from collections.abc import Iterator
from enum import StrEnum
from types import ModuleType


def members(enum: type[StrEnum]) -> dict[str, str]:
    """Return the values of an enum in order, each with its docstring, "" where it has none."""
    [definition] = ast.parse(inspect.getsource(enum)).body
    assert isinstance(definition, ast.ClassDef)  # noqa: S101 - tells mypy what the source of a class is
    documented = dict(_documented(definition.body))
    return {str(member): documented.get(member.name, "") for member in enum}


def constants(module: ModuleType) -> dict[str, str]:
    """Return the names of a module's documented constants, each with its docstring."""
    return dict(_documented(ast.parse(inspect.getsource(module)).body))


def one_line(text: str) -> str:
    """Undo the line breaks of a docstring."""
    return " ".join(text.split())


def _documented(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for statement, following in itertools.pairwise(body):
        if not isinstance(following, ast.Expr) or not isinstance(following.value, ast.Constant):
            continue
        target = _target(statement)
        if target is not None and isinstance(following.value.value, str):
            yield target, one_line(following.value.value)


def _target(statement: ast.stmt) -> str | None:
    if isinstance(statement, ast.AnnAssign):
        target: ast.expr = statement.target
    elif isinstance(statement, ast.Assign):
        target = statement.targets[0]
    else:
        return None
    return target.id if isinstance(target, ast.Name) else None
