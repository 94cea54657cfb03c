"""Validation rules written once, in both forms: CEL for the API server, Python for everyone else."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Final, Self

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


REMOVE_IT: Final = "remove it"
"""What to do about most settings that nothing acts on yet."""


@dataclass(frozen=True, slots=True)
class NotYet:
    """A setting that the schema knows and that nothing acts on yet.

    The operator answers it with Accepted=False, reason NotImplemented, so that nobody relies on a
    setting that is silently ignored.
    """

    field: str
    """As written in YAML, below the object that declares this."""

    is_used: Callable[[Any], bool]
    """Whether the parsed model sets it to anything that would have to act."""

    guards: bool = True
    """Whether it forbids, bounds or directs: in force without it, the resource would let through what it
    forbids, or answer from elsewhere. The rest of a policy stays in force beside one that does not."""

    remedy: str = REMOVE_IT
    """What a person is to do about it."""


def as_stored(data: Any, optional: Collection[str] | None = None) -> Any:
    """Read the JSON of an object or a map as the API server does (seen with 1.36).

    Null is as good as absent where a value may be absent: for the names in `optional`, None being all.
    2.0 is an integer.
    """
    if not isinstance(data, dict):
        return data
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in data.items()
        if value is not None or not (optional is None or name in optional)
    }


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
    not_yet: ClassVar[tuple[NotYet, ...]] = ()

    @classmethod
    def read(cls, obj: Any) -> Self:
        """Parse what a person wrote or the API server stored: fields by their names in YAML alone.

        Raises:
            ValidationError: it is not valid.
        """
        return cls.model_validate(obj, by_alias=True, by_name=False)

    @model_validator(mode="before")
    @classmethod
    def _read_as_stored(cls, data: Any) -> Any:
        return as_stored(data, _optional_fields(cls))

    @model_validator(mode="after")
    def _check_rules(self) -> Self:
        for rule in self.rules:
            if not rule.holds(self):
                raise ValueError(rule.message)
        for name, field in type(self).model_fields.items():
            if isinstance(field.json_schema_extra, dict) and _repeats(
                getattr(self, name), field.json_schema_extra
            ):
                raise ValueError(f"{field.alias or name}: Duplicate value")
        return self


@cache  # asked for every object: a snapshot has thousands of keys
def _optional_fields(model: type[BaseModel]) -> frozenset[str]:
    fields = model.model_fields.items()
    return frozenset(field.alias or name for name, field in fields if not field.is_required())


def _repeats(items: Any, schema: Mapping[str, Any]) -> bool:
    """Tell whether an item of a list that the schema calls a set or a map is there twice."""
    match schema.get("x-kubernetes-list-type"):
        case "set":
            return len(set(items)) < len(items)
        case "map":
            keys = schema["x-kubernetes-list-map-keys"]
            return len({tuple(getattr(item, key) for key in keys) for item in items}) < len(items)
    return False


@dataclass(frozen=True, slots=True, order=True)
class Unimplemented:
    """A setting of a resource that nothing acts on yet."""

    path: str
    """Such as `spec.scaling.warm`."""

    guards: bool
    """As in `NotYet`."""

    remedy: str = REMOVE_IT
    """As in `NotYet`."""


def unimplemented(model: BaseModel, path: str = "spec") -> list[Unimplemented]:
    """List all settings, at any depth, that nothing acts on yet; sorted by path."""
    found = [
        Unimplemented(f"{path}.{entry.field}", entry.guards, entry.remedy)
        for entry in getattr(model, "not_yet", ())
        if entry.is_used(model)
    ]
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        below = f"{path}.{field.alias or name}"
        if isinstance(value, BaseModel):
            found += unimplemented(value, below)
        elif isinstance(value, tuple):
            for index, item in enumerate(value):
                if isinstance(item, BaseModel):
                    found += unimplemented(item, f"{below}[{getattr(item, 'name', index)}]")
    return sorted(found)


class Metadata(BaseModel):
    """The part of a Kubernetes ObjectMeta that Drawbridge reads."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, extra="ignore", frozen=True)

    name: str
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    deletion_timestamp: str | None = None
    """When the object was deleted that a finalizer still holds."""


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
