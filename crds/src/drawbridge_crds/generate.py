"""Write the CRD YAML from the models: `python -m drawbridge_crds.generate DIRECTORY`.

Turns pydantic's JSON Schema into a structural schema (apiextensions.k8s.io/v1): references inlined,
optional values without null, unknown fields left to the API server's strict field validation, and
every Rule as x-kubernetes-validations.
"""

import re
import sys
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, get_args

import yaml
from pydantic import BaseModel

from drawbridge_crds import docstrings
from drawbridge_crds.names import GROUP, VERSION
from drawbridge_crds.policy import RoutingPolicy
from drawbridge_crds.pool import InferencePool

MAX_CRD_BYTES = 65_536
"""Our bound on each CRD: far below etcd's limit, and small enough to read."""

Schema = dict[str, Any]

_DROPPED = ("title", "additionalProperties", "propertyNames", "$defs", "properties", "items", "const")
"""Keywords that a structural schema forbids or that say nothing there."""

_EMPTY: Final[tuple[Any, ...]] = (None, "", [], {})

_NOT_YET: Final = "Not implemented yet"

_GAP: Final = "\n\n"
"""In a description, between its text, which is one paragraph, and the meanings of the field's values."""


def structural(model: type[BaseModel]) -> Schema:
    """Turn a model into the structural schema of the resource it describes."""
    schema = model.model_json_schema(by_alias=True, mode="validation")
    return _convert(schema, schema.get("$defs", {}), {m.__name__: m for m in _models(model)})


def part_of(annotation: Any) -> type[BaseModel] | type[StrEnum] | None:
    """Find the model or the enum inside an annotation: optional, in a list, or bare."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel | StrEnum):
        return annotation
    return next((found for inner in get_args(annotation) if (found := part_of(inner))), None)


def _models(root: type[BaseModel]) -> list[type[BaseModel]]:
    """List the models of a resource and of all that its fields are made of."""
    found: list[type[BaseModel]] = []
    pending: list[Any] = [root]
    while pending:
        kind = pending.pop()
        if isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in found:
            found.append(kind)
            pending += [field.annotation for field in kind.model_fields.values()]
        pending += get_args(kind)
    return found


def _convert(node: Schema, defs: Schema, models: dict[str, type[BaseModel]]) -> Schema:
    node = _resolved(_without_null(_resolved(node, defs)), defs)
    if node.get("title") == "Metadata":
        return {"type": "object"}
    out = {k: v for k, v in node.items() if k not in _DROPPED}
    if "description" in out:
        out["description"] = docstrings.one_line(out["description"])
    out["default"] = _without_empty(out.get("default"))
    if out["default"] in _EMPTY:
        del out["default"]
    if "const" in node:
        out["enum"] = [node["const"]]
    if node.get("x-kubernetes-int-or-string"):
        out.pop("type", None)
        out["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    out |= _children(node, lambda child: _convert(child, defs, models))
    model = models.get(node.get("title", ""))
    if "properties" in node and model is not None:  # a field without a model may bear a model's title
        _add_rules(out, model)
        _mark_not_yet(out, model)
        _explain_values(out, model)
    return out


def _mark_not_yet(schema: Schema, model: type[BaseModel]) -> None:
    """Say in a field's description that nothing acts on it yet, or not on all of its values."""
    values: dict[str, list[str]] = {}
    for entry in getattr(model, "not_yet", ()):
        field, _, value = entry.field.partition(":")
        values.setdefault(field, []).append(value.strip())
    for field, those in values.items():
        described = schema["properties"][field]
        if all(those):
            _say(described, f"{_NOT_YET} if it is {' or '.join(those)}.")
        else:
            _say_of_all(described, f"{_NOT_YET}.")


def _say_of_all(schema: Schema, sentence: str) -> None:
    """Say it of a field and of all below it, no more of some values: explain shows one field at a time."""
    schema["description"] = re.sub(rf" {_NOT_YET}[^.]*\.", "", schema["description"])
    _say(schema, sentence)
    for child in schema.get("items", schema).get("properties", {}).values():
        _say_of_all(child, sentence)


def _say(schema: Schema, sentence: str) -> None:
    """Add a sentence to a description, before the meanings of values."""
    text, gap, values = schema.get("description", "").partition(_GAP)
    schema["description"] = f"{text} {sentence}".strip() + gap + values


def _explain_values(schema: Schema, model: type[BaseModel]) -> None:
    """Say in a field's description what its values mean: explain itself only lists them."""
    for name, field in model.model_fields.items():
        enum = part_of(field.annotation)
        if enum is None or not issubclass(enum, StrEnum):
            continue
        described = schema["properties"][field.alias or name]
        values = "\n".join(f"- {value}: {meaning}" for value, meaning in docstrings.members(enum).items())
        described["description"] += f"{_GAP}{values}"


def _without_empty(default: Any) -> Any:
    """Drop from a default what says nothing: absent optional values, empty lists and maps."""
    if not isinstance(default, dict):
        return default
    return {k: kept for k, v in default.items() if (kept := _without_empty(v)) not in _EMPTY}


def _children(node: Schema, convert: Callable[[Schema], Schema]) -> Schema:
    """Convert the schemas inside a schema: of its fields, of its items, of its values."""
    out: Schema = {}
    if "properties" in node:
        out["properties"] = {k: convert(v) for k, v in node["properties"].items()}
    if "items" in node:
        out["items"] = convert(node["items"])
    if isinstance(values := node.get("additionalProperties"), dict):
        out["additionalProperties"] = convert(values)
    return out


def _resolved(node: Schema, defs: Schema) -> Schema:
    """Inline a reference; what stands beside it (default, description) wins over what it names."""
    if "$ref" not in node:
        return node
    target = defs[node["$ref"].removeprefix("#/$defs/")]
    return {**target, **{k: v for k, v in node.items() if k != "$ref"}}


def _without_null(node: Schema) -> Schema:
    """Turn `anyOf: [X, null]`, pydantic's optional, into X: in a resource an absent field says None."""
    options = [o for o in node.get("anyOf", []) if o != {"type": "null"}]
    if "anyOf" not in node or len(options) != 1:
        return node
    rest = {k: v for k, v in node.items() if k != "anyOf"}
    return {**options[0], **rest}


def _drop_defaults(node: Schema) -> None:
    """Remove all defaults: what is not known of a status is absent, not zero."""
    node.pop("default", None)
    for child in (*node.get("properties", {}).values(), *([node["items"]] if "items" in node else [])):
        _drop_defaults(child)


def _add_rules(schema: Schema, model: type[BaseModel]) -> None:
    if rules := getattr(model, "rules", ()):
        schema["x-kubernetes-validations"] = [{"rule": r.cel, "message": r.message} for r in rules]


def _column(name: str, path: str, kind: str = "string", priority: int = 0) -> Schema:
    column: Schema = {"name": name, "type": kind, "jsonPath": path}
    return {**column, "priority": priority} if priority else column


def _condition(kind: str, field: str = "status") -> str:
    return f'.status.conditions[?(@.type=="{kind}")].{field}'


def pool_crd() -> Schema:
    """Describe InferencePool to the API server."""
    return _crd(
        InferencePool,
        plural="inferencepools",
        short="dbpool",
        subresources={
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.replicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            },
        },
        columns=[
            _column("Model", ".status.model.name"),
            _column("Privacy", ".status.effectivePrivacy"),
            _column("Ready", ".status.readySummary"),
            _column("Warm", ".status.warmReplicas", "integer"),
            _column("PrivacyEnforced", _condition("PrivacyEnforced")),
            _column("Age", ".metadata.creationTimestamp", "date"),
            _column("Accelerator", ".spec.accelerator.type", priority=1),
            _column("Reason", _condition("Ready", "reason"), priority=1),
        ],
    )


def policy_crd() -> Schema:
    """Describe RoutingPolicy to the API server."""
    return _crd(
        RoutingPolicy,
        plural="routingpolicies",
        short="dbpolicy",
        subresources={"status": {}},
        columns=[
            _column("Privacy", ".status.effectivePrivacy"),
            _column("Programmed", ".status.snapshot.summary"),
            _column("Ready", _condition("Ready")),
            _column("Age", ".metadata.creationTimestamp", "date"),
            _column("Reason", _condition("Ready", "reason"), priority=1),
        ],
    )


def _crd(
    model: type[BaseModel], *, plural: str, short: str, subresources: Schema, columns: list[Schema]
) -> Schema:
    schema = structural(model)
    for name in ("apiVersion", "kind"):
        schema["properties"][name] = {"type": "string"}
    _drop_defaults(schema["properties"]["status"])
    schema["required"] = ["spec"]
    kind = model.__name__
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "shortNames": [short],
                "categories": ["drawbridge"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": subresources,
                    "additionalPrinterColumns": columns,
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


def manifests() -> dict[str, str]:
    """Render every generated file: file name to YAML text."""
    header = "# Generated from crds/src by `make generate`; do not edit.\n"
    crds = (pool_crd(), policy_crd())
    return {
        f"{crd['metadata']['name']}.yaml": header + yaml.safe_dump(_plain(crd), sort_keys=False, width=110)
        for crd in crds
    }


def _plain(value: Any) -> Any:
    """Turn enum members into their values, deeply: YAML knows only plain ones."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return str(value) if isinstance(value, str) else value


def write(files: Mapping[str, str]) -> None:
    """Write generated files, name to text, into the directory that is the command line's only argument."""
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (directory / name).write_text(text)


if __name__ == "__main__":
    write(manifests())
