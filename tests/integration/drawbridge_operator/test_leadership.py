"""Two replicas, real processes, one lease."""

import signal
import time
from datetime import UTC, datetime

import pytest
from drawbridge_operator.cluster import Cluster as Api
from drawbridge_operator.kinds import DEPLOYMENT, LEASE
from drawbridge_operator.leader import LEASE_NAME

from tests.integration.drawbridge_operator.conftest import Field
from tests.integration.drawbridge_operator.process import OperatorProcess
from tests.integration.drawbridge_operator.resources import pool

pytestmark = pytest.mark.cluster

LEASE_S = 8.0


def second(ground: Field) -> OperatorProcess:
    """Start a replica while another leads, and see it wait."""
    process = ground.start("operator-1")
    ground.until("the second replica to wait", lambda: process.said("leadership_awaited"))
    return process


async def test_the_second_replica_waits_and_follows_a_stopped_leader_at_once(ground: Field, api: Api) -> None:
    ground.apply(pool(ground.tenant))
    leader = ground.start_leader()
    waiting = second(ground)
    assert waiting.said("leadership_awaited")[0]["holder"] == "operator-0"
    assert not waiting.leads
    assert waiting.metric("drawbridge_operator_reconciles_total") == 0, "it looks at nothing"

    assert leader.stop() == 0
    assert leader.said("leadership_released"), "its lease is free, and nobody waits for its end"
    ground.until("the second replica to lead", lambda: waiting.leads)
    lease = await api.get(LEASE, ground.system, LEASE_NAME) or {}
    assert lease["spec"]["holderIdentity"] == "operator-1"

    ground.apply(pool(ground.tenant, "later"))
    ground.until("it to do the work", waiting.has_looked_at_everything)
    assert await api.get(DEPLOYMENT, ground.tenant, "later-engine")


def test_a_killed_leader_is_followed_when_its_lease_is_over(ground: Field) -> None:
    ground.apply(pool(ground.tenant))
    leader = ground.start_leader()
    waiting = second(ground)
    leader.send(signal.SIGKILL)
    killed_s = time.monotonic()
    ground.until("the second replica to lead", lambda: waiting.leads)
    assert time.monotonic() - killed_s > LEASE_S - 2, "not before another could still be writing"


def test_a_leader_that_slept_through_its_lease_writes_nothing_and_ends(ground: Field) -> None:
    ground.apply(pool(ground.tenant))
    leader = ground.start_leader()
    waiting = second(ground)
    leader.send(signal.SIGSTOP)
    ground.until("the second replica to lead", waiting.has_looked_at_everything)
    ground.apply(pool(ground.tenant, "meanwhile"))
    ground.until("it to be idle", waiting.has_looked_at_everything)
    waiting.send(signal.SIGSTOP)  # so that whatever is written now comes from the sleeper
    since = datetime.now(UTC)
    try:
        leader.send(signal.SIGCONT)
        assert leader.wait(10) == 1
        assert ground.writes(since) == []
    finally:
        waiting.send(signal.SIGCONT)
    [failure] = leader.said("operator_failed")
    assert "another replica may lead" in failure["error"]


def test_a_restarted_container_leads_at_once(ground: Field) -> None:
    """The lease is in the pod's name, which a container's restart keeps."""
    ground.apply(pool(ground.tenant))
    leader = ground.start_leader()
    leader.send(signal.SIGKILL)
    leader.wait(5)
    again = ground.start("operator-0")
    ground.until("it to lead", lambda: again.leads)
    assert not again.said("leadership_awaited")


def test_a_replica_that_waits_can_be_stopped(ground: Field) -> None:
    leader = ground.start()
    ground.until("the first replica to lead", lambda: leader.leads)
    waiting = second(ground)
    assert waiting.stop() == 0
