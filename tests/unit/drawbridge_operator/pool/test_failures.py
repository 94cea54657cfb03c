"""Any write or read may fail: nothing is written past it, it is told, and the next reconcile converges."""

from typing import Any

import pytest
from drawbridge_operator.errors import (
    ClusterError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NamespaceTerminatingError,
    UnavailableError,
)

from tests.unit.drawbridge_operator.pool.reconciling import (
    CHILDREN,
    POLICY,
    STATUS,
    pool_status,
    reason_of,
    reconcile,
    settled,
    world,
)
from tests.unit.drawbridge_operator.world import World

WRITES = [
    pytest.param(position, id=f"{verb} {kind}")
    for position, (verb, kind, _) in enumerate([*CHILDREN, STATUS])
]


@pytest.mark.parametrize("position", WRITES)
@pytest.mark.parametrize("error", [UnavailableError, ConflictError, ForbiddenError, InvalidError])
async def test_a_failed_write_ends_the_order_and_the_next_reconcile_converges(
    position: int, error: type[ClusterError]
) -> None:
    there = world()
    verb, kind, _ = [*CHILDREN, STATUS][position]
    there.failures[verb, kind] = error("made to fail")
    with pytest.raises(error):
        await reconcile(there)
    made = [write for write in there.written() if write in CHILDREN]
    assert made == CHILDREN[: position + 1], "nothing is written past a failed write"
    there.failures.clear()
    await reconcile(there)
    await reconcile(there)
    assert stripped(there) == stripped(await settled())
    there.written()
    await reconcile(there)
    assert there.written() == []


def stripped(world: World) -> dict[Any, Any]:
    """Return what matters of all objects but events."""
    return {
        key: (obj.get("spec"), obj.get("data"), obj["metadata"].get("labels"), obj.get("status"))
        for key, obj in world.objects.items()
        if key[0] != "Event"
    }


@pytest.mark.parametrize("position", WRITES[:-1])
@pytest.mark.parametrize(
    ("error", "told"),
    [
        pytest.param(ForbiddenError, "ChildRefused", id="quota or admission"),
        pytest.param(InvalidError, "ChildRefused", id="validation"),
        pytest.param(UnavailableError, "absent", id="a broken connection is no news about the pool"),
    ],
)
async def test_a_refused_child_is_told(position: int, error: type[ClusterError], told: str) -> None:
    there = world()
    verb, kind, _ = CHILDREN[position]
    there.failures[verb, kind] = error("made to fail")
    with pytest.raises(error):
        await reconcile(there)
    assert reason_of(there, "Accepted") == told


async def test_an_unreadable_pool_is_told_although_its_policy_is_refused() -> None:
    there = world(model={"source": {"type": "Image"}})
    there.failures["PATCH", "NetworkPolicy"] = ForbiddenError("made to fail")
    with pytest.raises(ForbiddenError):
        await reconcile(there)
    assert reason_of(there, "Accepted") == "Invalid"


async def test_a_refusal_is_told_once() -> None:
    there = world()
    there.failures["PATCH", "Deployment"] = ForbiddenError("exceeded quota")
    for _ in range(3):
        with pytest.raises(ForbiddenError):
            await reconcile(there)
    assert there.written().count(STATUS) == 1
    assert there.events() == [("Warning", "ChildRefused")]


async def test_a_namespace_that_is_going_is_left_to_go() -> None:
    there = world()
    there.failures["PATCH", "NetworkPolicy"] = NamespaceTerminatingError("going")
    assert await reconcile(there) is None
    assert [write for write in there.written() if write in CHILDREN] == [POLICY]
    assert reason_of(there, "Accepted") == "Accepted"
    told = {condition["type"]: condition["message"] for condition in pool_status(there)["conditions"]}
    assert told["Progressing"] == "0 of 1 replicas made from the current spec"


@pytest.mark.parametrize(
    "kind", ["Namespace", "PersistentVolumeClaim", "Pod", "NetworkPolicy", "Deployment", "Service"]
)
async def test_what_cannot_be_read_is_an_error_and_never_taken_for_absent(kind: str) -> None:
    there = await settled()
    there.failures["GET", kind] = UnavailableError("down")
    with pytest.raises(UnavailableError):
        await reconcile(there)
    assert there.written() == []
