"""The rendered children of a pool, byte for byte.

A change here restarts every model of every user at the next upgrade if it touches spec.template of a
Deployment: such a change needs a reason and a line in the changelog. `UPDATE_GOLDEN=1` writes them anew.
"""

import os
from pathlib import Path

import pytest
import yaml
from drawbridge_crds.pool import InferencePool
from drawbridge_crds.privacy import Privacy
from drawbridge_operator.kinds import Object
from drawbridge_operator.plan import plan_write
from drawbridge_operator.pool.desired.children import make_children
from drawbridge_operator.pool.facts import PoolFacts
from drawbridge_operator.pool.image import resolve_image
from drawbridge_operator.settings import Settings

from tests.unit.drawbridge_operator.pool.pools import SETTINGS

FOLDER = Path("tests/golden/pool")
CASES = sorted(path.name.removesuffix(".pool.yaml") for path in FOLDER.glob("*.pool.yaml"))

RICH = Settings(
    namespace="drawbridge-system",
    pod_name="operator-0",
    root_key=b"a-root-key-for-tests",
    engine_images=SETTINGS.engine_images,
    engine_pull_secrets=("registry", "mirror"),
    monitoring_peer={
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}},
    },
)


def settings_of(case: str) -> Settings:
    return RICH if case == "everything" else SETTINGS


def rendered(case: str) -> list[Object]:
    pool = InferencePool.model_validate(yaml.safe_load((FOLDER / f"{case}.pool.yaml").read_text()))
    return children_of(pool, settings_of(case))


def children_of(pool: InferencePool, settings: Settings, **live: Object) -> list[Object]:
    image = resolve_image(pool, live.get("Deployment"), settings.engine_images)
    return make_children(PoolFacts(pool, Privacy.STANDARD, image, claim=None, children=live), settings)


@pytest.mark.parametrize("case", CASES)
def test_children_are_the_golden_ones(case: str) -> None:
    golden = FOLDER / f"{case}.yaml"
    text = yaml.safe_dump_all(rendered(case), sort_keys=False, width=110)
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text()


def test_every_case_is_found() -> None:
    assert CASES == ["cpu", "everything", "smallest"]


@pytest.mark.parametrize("case", CASES)
def test_equal_pools_give_equal_bytes(case: str) -> None:
    assert yaml.safe_dump_all(rendered(case)) == yaml.safe_dump_all(rendered(case))


@pytest.mark.parametrize("case", CASES)
def test_what_the_api_server_returned_is_no_reason_to_write(case: str) -> None:
    """The files are written by tests/integration/drawbridge_operator/test_pool_server.py, likewise."""
    stored, *live = yaml.safe_load_all((FOLDER / f"{case}.live.yaml").read_text())
    by_kind = {obj["kind"]: obj for obj in live}
    wanted = children_of(InferencePool.model_validate(stored), settings_of(case), **by_kind)
    assert [child["kind"] for child in wanted] == [
        "NetworkPolicy",
        "Deployment",
        "Service",
        "PodDisruptionBudget",
    ]
    assert [child["kind"] for child in wanted if plan_write(child, by_kind[child["kind"]])] == []
