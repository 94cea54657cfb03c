"""Each case of tests/contract/cases against pydantic and a real API server: one verdict, one wording."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from drawbridge_crds.fields import read_rules
from pydantic import ValidationError

from tests.cluster.kubectl import ToolFailedError
from tests.contract.resources import CASES, KINDS, created, resource

if TYPE_CHECKING:
    from tests.cluster.interface import Cluster


def _cases() -> list[Any]:
    return [
        pytest.param(kind, case, id=f"{kind}: {case['case']}")
        for kind in KINDS
        for case in yaml.safe_load((CASES / f"{kind}.yaml").read_text())
    ]


def _object(kind: str, case: dict[str, Any]) -> dict[str, Any]:
    if "object" in case:
        whole: dict[str, Any] = case["object"]
        return whole
    return resource(kind, case["spec"], case.get("name", ""))


@pytest.mark.parametrize(("kind", "case"), _cases())
def test_pydantic_verdict(kind: str, case: dict[str, Any]) -> None:
    expected = case.get("error", case.get("modelError"))
    model, _ = KINDS[kind]
    if expected is None:
        model.read(_object(kind, case))
        return
    with pytest.raises(ValidationError, match=re.escape(expected)):
        model.read(_object(kind, case))


@pytest.mark.cluster
@pytest.mark.parametrize(("kind", "case"), _cases())
def test_api_server_verdict(kind: str, case: dict[str, Any], api_server: Cluster) -> None:
    expected = case.get("error", case.get("apiError"))
    if expected is None:
        created(api_server, _object(kind, case))
        return
    with pytest.raises(ToolFailedError, match=re.escape(expected)):
        created(api_server, _object(kind, case))


@pytest.mark.parametrize("kind", KINDS)
def test_every_rule_has_a_case_that_breaks_it(kind: str) -> None:
    model, _ = KINDS[kind]
    cases = yaml.safe_load((CASES / f"{kind}.yaml").read_text())
    broken = [case["error"] for case in cases if "error" in case]
    messages = [placed.rule.message for placed in read_rules(model, "")]
    assert [message for message in messages if not any(words in message for words in broken)] == []
