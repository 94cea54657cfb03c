"""Objects from the API server become models here, or a sentence that says why not."""

from dataclasses import dataclass
from typing import TypeVar

from drawbridge_crds.rules import Metadata, SpecModel
from pydantic import ValidationError

from drawbridge_operator.kinds import Object

_Model = TypeVar("_Model", bound=SpecModel)

MAX_SHOWN_ERRORS = 3
"""A person mends one thing at a time, and a condition's message is short."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A stored object that does not parse: it was written under another version of the schema."""

    metadata: Metadata
    message: str


def parse(model: type[_Model], obj: Object) -> _Model | Unreadable:
    """Parse a stored object. Its status is left out: that is the operator's own, of whatever release."""
    try:
        return model.read({**obj, "status": {}})
    except ValidationError as error:
        return Unreadable(Metadata.model_validate(obj["metadata"]), _explain(model.__name__, error))


def _explain(kind: str, error: ValidationError) -> str:
    """Say what is wrong and where, without the values: they may be long, and are the user's own."""
    problems = [
        f"{'.'.join(map(str, problem['loc'])) or kind}: {problem['msg'].removeprefix('Value error, ')}"
        for problem in error.errors(include_url=False, include_input=False)
    ]
    more = f"; and {len(problems) - MAX_SHOWN_ERRORS} more" if len(problems) > MAX_SHOWN_ERRORS else ""
    return (
        f"this {kind} was stored under another version of its schema and cannot be read "
        f"({'; '.join(problems[:MAX_SHOWN_ERRORS])}{more}); apply it again, or bring operator and CRDs to "
        "the same release"
    )
