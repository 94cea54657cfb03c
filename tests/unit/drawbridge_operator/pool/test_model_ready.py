"""ModelReady, for every state of the claim."""

import pytest
from drawbridge_operator.pool.facts import PoolFacts

from tests.unit.drawbridge_operator.pool.judging import claim, says, steady
from tests.unit.drawbridge_operator.pool.pools import facts, pool, ready

ROWS = [
    pytest.param(
        steady(ready()),
        "True",
        "ModelFound",
        'PersistentVolumeClaim "weights" is bound',
        id="the claim is bound",
    ),
    pytest.param(
        steady(claim=None),
        "False",
        "ClaimNotFound",
        'PersistentVolumeClaim "weights" does not exist in namespace "team-a"; create it with the model\'s '
        "files, or correct spec.model.source.persistentVolumeClaim.claimName",
        id="the claim does not exist",
    ),
    pytest.param(
        steady(claim=claim("Pending")),
        "Unknown",
        "ClaimPending",
        'PersistentVolumeClaim "weights" is not bound to a volume: it binds when a replica uses it (storage '
        "class with WaitForFirstConsumer), or else no volume fits: see kubectl describe "
        "persistentvolumeclaim",
        id="the claim waits for a volume",
    ),
    pytest.param(
        steady(claim={"metadata": {"name": "weights"}}),
        "Unknown",
        "ClaimPending",
        'PersistentVolumeClaim "weights" is not bound to a volume: it binds when a replica uses it (storage '
        "class with WaitForFirstConsumer), or else no volume fits: see kubectl describe "
        "persistentvolumeclaim",
        id="the claim was made this moment",
    ),
    pytest.param(
        steady(claim=claim("Lost")),
        "False",
        "ClaimLost",
        'the volume of PersistentVolumeClaim "weights" is gone; restore the volume, or create the claim anew '
        "with the model's files",
        id="the claim has lost its volume",
    ),
    pytest.param(
        steady(ready(), claim=claim("Bound", going=True)),
        "False",
        "ClaimTerminating",
        'PersistentVolumeClaim "weights" is being deleted: running replicas keep it, new ones cannot start; '
        "name another one in spec.model.source.persistentVolumeClaim.claimName, or create it anew once it is "
        "gone",
        id="the claim is being deleted under a running replica",
    ),
    pytest.param(
        steady(ready(), ready(), replicas=2, claim=claim("Bound", modes=("ReadWriteOnce",))),
        "True",
        "ModelFound",
        'PersistentVolumeClaim "weights" is bound as ReadWriteOnce: all replicas share one node; use '
        "ReadOnlyMany or ReadWriteMany for more",
        id="two replicas on a ReadWriteOnce claim",
    ),
    pytest.param(
        steady(ready(), replicas=2, claim=claim("Bound", modes=("ReadWriteOncePod",))),
        "True",
        "ModelFound",
        'PersistentVolumeClaim "weights" is bound as ReadWriteOncePod: only one replica can run; use '
        "ReadOnlyMany or ReadWriteMany for more",
        id="two replicas on a ReadWriteOncePod claim",
    ),
    pytest.param(
        steady(ready(), claim=claim("Bound", modes=("ReadWriteOnce",))),
        "True",
        "ModelFound",
        'PersistentVolumeClaim "weights" is bound',
        id="one replica on a ReadWriteOnce claim is nothing special",
    ),
]


@pytest.mark.parametrize(("of", "status", "reason", "message"), ROWS)
def test_model_ready(of: PoolFacts, status: str, reason: str, message: str) -> None:
    assert says(of, "ModelReady") == (status, reason, message)


def test_the_claim_is_told_by_the_name_in_the_spec() -> None:
    source = {"type": "PersistentVolumeClaim", "persistentVolumeClaim": {"claimName": "other"}}
    _, _, message = says(facts(pool(model={"source": source}), claim=None), "ModelReady")
    assert 'PersistentVolumeClaim "other"' in message
