"""Validation rules written once, in both forms: CEL for the API server, Python for everyone else."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.alias_generators import to_camel


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a resource: `cel` and `holds` are the same claim about the same object."""

    cel: str
    """True for a valid object; `self` is the object that declares the rule."""

    holds: Callable[[Any], bool]
    """The same in Python, given the parsed model."""

    message: str
    """What to write instead. Shown by the API server and by `drawbridge serve` alike."""


class SpecModel(BaseModel):
    """Base of all parts of a resource: camelCase on the wire, immutable, unknown fields refused."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )

    rules: ClassVar[tuple[Rule, ...]] = ()

    @model_validator(mode="after")
    def _check_rules(self) -> Self:
        for rule in self.rules:
            if not rule.holds(self):
                raise ValueError(rule.message)
        return self


class Metadata(BaseModel):
    """The part of a Kubernetes ObjectMeta that Drawbridge reads."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, extra="ignore", frozen=True)

    name: str
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    deletion_timestamp: str | None = None


class StatusModel(BaseModel):
    """Base of status models: written by the operator of this or another version, so unknown fields pass."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
    )
