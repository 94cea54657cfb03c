"""No field is taken and ignored: each makes a difference, or people are told that it does not."""

import copy
import re
from itertools import pairwise
from typing import Any

import pytest
import yaml
from drawbridge_crds.compile import TenantFacts, compile_snapshot
from drawbridge_crds.policy import RoutingPolicy
from drawbridge_crds.pool import InferencePool
from drawbridge_crds.privacy import Privacy
from drawbridge_crds.rules import unimplemented
from drawbridge_operator.pool.desired.children import make_children
from drawbridge_operator.pool.facts import PoolFacts
from drawbridge_operator.pool.image import resolve_image
from pydantic import ValidationError

from tests.contract.resources import CASES, KINDS, SMALLEST, leaves, resource, spec_rows
from tests.unit.drawbridge_operator.pool.pools import SETTINGS

EFFECTS: dict[str, list[dict[str, Any]]] = yaml.safe_load((CASES / "effects.yaml").read_text())
BUNDLES = {("ca", "ca.crt"): "PEM", ("ca", "bundle.pem"): "other PEM"}


def _cases() -> list[Any]:
    return [
        pytest.param(kind, case, id=f"{kind}: {case['field']}") for kind in KINDS for case in EFFECTS[kind]
    ]


@pytest.mark.parametrize(("kind", "case"), _cases())
def test_a_field_acts_or_is_told_as_not_implemented(kind: str, case: dict[str, Any]) -> None:
    """The two sides of a comparison differ in the value of one field, and in nothing else."""
    before = _merged(SMALLEST[kind], case.get("spec", {}))
    after = copy.deepcopy(before)
    _set(after, case["field"], case["value"])
    assert after != before
    parsed = _parsed(kind, after)
    assert _not_implemented(parsed) == ([case["not_implemented"]] if "not_implemented" in case else [])
    if "not_implemented" in case:
        return
    differs = _effect_of_spec(kind, before) != _effect(parsed)
    assert differs is ("without_effect" not in case)


@pytest.mark.parametrize("kind", KINDS)
def test_a_field_without_effect_says_so(kind: str) -> None:
    told = {row.path: [row.meaning, *(meaning for _, meaning in row.values)] for row in spec_rows(kind)}
    for case in EFFECTS[kind]:
        if "without_effect" in case:
            texts = told[case["field"].replace("[0]", "[]")]
            assert any(case["without_effect"] in text for text in texts)


@pytest.mark.parametrize("kind", KINDS)
def test_no_field_is_without_a_case(kind: str) -> None:
    assert {case["field"].replace("[0]", "[]") for case in EFFECTS[kind]} == leaves(kind)


def _parsed(kind: str, spec: dict[str, Any]) -> InferencePool | RoutingPolicy:
    model, _ = KINDS[kind]
    parsed = model.read(resource(kind, spec))
    assert isinstance(parsed, InferencePool | RoutingPolicy)
    return parsed


def _not_implemented(parsed: InferencePool | RoutingPolicy) -> list[str]:
    return [setting.path for setting in unimplemented(parsed.spec)]


def _effect_of_spec(kind: str, spec: dict[str, Any]) -> Any:
    """Return what comes of a spec, or the rules that it breaks."""
    try:
        parsed = _parsed(kind, spec)
    except ValidationError as error:
        found = error.errors()
    else:
        assert _not_implemented(parsed) == [], "a setting that counts as none hides what a value does"
        return _effect(parsed)
    assert {problem["type"] for problem in found} == {"value_error"}, "what is missing proves nothing"
    return [problem["msg"] for problem in found]


def _effect(parsed: InferencePool | RoutingPolicy) -> Any:
    """Return all that comes of a resource: its children and the snapshot."""
    if isinstance(parsed, InferencePool):
        image = resolve_image(parsed, None, SETTINGS.engine_images)
        children = make_children(PoolFacts(parsed, Privacy.STANDARD, image, claim=None), SETTINGS)
        return children, _snapshot(parsed, None)
    return _snapshot(InferencePool.read(resource("inferencepool", SMALLEST["inferencepool"])), parsed)


def _snapshot(pool: InferencePool, policy: RoutingPolicy | None) -> Any:
    return compile_snapshot(TenantFacts("default", Privacy.STANDARD, [pool], policy, ca_bundles=BUNDLES))


def _merged(target: Any, patch: Any) -> Any:
    """Apply a JSON merge patch (RFC 7396)."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(merged.get(key), value)
    return copy.deepcopy(merged)


def _set(target: dict[str, Any], path: str, value: Any) -> None:
    """Set a field; objects and lists on the way to it are made where they are missing."""
    steps = [int(step) if step.isdigit() else step for step in re.findall(r"[^.\[\]]+", path)]
    place: Any = target
    for step, following in pairwise(steps):
        _put_if_missing(place, step, [] if isinstance(following, int) else {})
        place = place[step]
    _put_if_missing(place, steps[-1], value)
    place[steps[-1]] = value


def _put_if_missing(place: Any, step: Any, value: Any) -> None:
    if isinstance(place, list) and step == len(place):
        place.append(value)
    elif isinstance(place, dict):
        place.setdefault(step, value)
