from typing import Any

import kopf
import pytest
from drawbridge_operator.controller import Key
from drawbridge_operator.errors import DrawbridgeError
from drawbridge_operator.handlers import WATCHED
from drawbridge_operator.kinds import INFERENCE_POOL, ROUTING_POLICY, SECRET
from drawbridge_operator.watching import kopf_settings, watch


def test_kopf_is_told_to_write_nothing() -> None:
    settings = kopf_settings()
    assert not settings.posting.enabled
    assert settings.peering.standalone
    assert settings.scanning.disabled
    assert settings.persistence.finalizer != kopf.OperatorSettings().persistence.finalizer, (
        "kopf takes its own finalizer off whatever it sees: under the usual name, another operator's"
    )


def test_everything_but_our_own_resources_is_watched_by_label_and_secrets_never() -> None:
    assert {kind for kind, labels in WATCHED.items() if not labels} == {INFERENCE_POOL, ROUTING_POLICY}
    assert SECRET not in WATCHED
    assert len(kopf_settings().watching.label_selectors) == len(WATCHED) - 2


async def test_kopf_is_started_for_all_namespaces_and_signals_are_taken_back_from_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps: list[Any] = []

    async def spawn_tasks(**given: Any) -> list[Any]:
        steps.append(given)
        return []

    async def run_tasks(_: Any, **__: Any) -> None:
        steps.append("run")

    def add(key: Key, *, after_s: float = 0.0) -> None:
        steps.append((key, after_s))

    monkeypatch.setattr(kopf, "spawn_tasks", spawn_tasks)
    monkeypatch.setattr(kopf, "run_tasks", run_tasks)
    with pytest.raises(DrawbridgeError, match="stopped watching"):
        await watch(add, take_back_signals=lambda: steps.append("signals"))
    given, *rest = steps
    assert rest == ["signals", "run"]
    assert given["clusterwide"]
    assert given["identity"], "without one kopf asks for the user's name, and the pod's user has none"
