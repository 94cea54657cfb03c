import json

import pytest
from drawbridge_crds.privacy import Privacy, Proof
from drawbridge_crds.snapshot import GatewaySnapshot, KeyTarget, PoolTarget, SnapshotError

SNAPSHOT = GatewaySnapshot(
    tenant="team-a",
    privacy=Privacy.STANDARD,
    currency="USD",
    models=("auto",),
    retired=(),
    pools=(
        PoolTarget(name="coder", model="coder", uid="u-1", privacy=Privacy.STRICT, proof=Proof.NOT_MEASURED),
    ),
    clouds=(),
    routes=(),
    task_header="x-drawbridge-task",
    keys={},
)


def test_a_snapshot_survives_the_wire_and_equal_ones_have_equal_bytes() -> None:
    assert GatewaySnapshot.from_wire(SNAPSHOT.to_wire()) == SNAPSHOT
    assert SNAPSHOT.to_wire() == SNAPSHOT.model_copy(deep=True).to_wire()
    assert json.loads(SNAPSHOT.to_wire())["hash"] == SNAPSHOT.content_hash


def test_the_order_in_which_keys_were_read_does_not_show() -> None:
    key = KeyTarget(digest="0" * 64, expires=None, models=None)
    one, other = (
        GatewaySnapshot.model_validate({**SNAPSHOT.model_dump(), "keys": dict.fromkeys(names, key)})
        for names in ("ab", "ba")
    )
    assert list(one.keys) != list(other.keys)
    assert (one.to_wire(), one.content_hash) == (other.to_wire(), other.content_hash)


def _edited(**changes: object) -> str:
    return json.dumps({**json.loads(SNAPSHOT.to_wire()), **changes})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("{", "not a gateway snapshot", id="cut JSON"),
        pytest.param("[]", "not a gateway snapshot", id="another shape"),
        pytest.param("[" * 100_000, "not a gateway snapshot", id="JSON nested without end"),
        pytest.param(_edited(content={"tenant": "\ud800"}), "not a gateway snapshot", id="half a character"),
        pytest.param(_edited(schemaVersion=2), "schema version 2", id="a newer operator's snapshot"),
        pytest.param(
            SNAPSHOT.to_wire().replace("Strict", "Standard"), "edited by hand", id="an edited level"
        ),
    ],
)
def test_what_is_not_this_versions_snapshot_is_refused(text: str, message: str) -> None:
    with pytest.raises(SnapshotError, match=message):
        GatewaySnapshot.from_wire(text)
