import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from drawbridge_operator.errors import ConflictError, LeadershipLostError, UnavailableError
from drawbridge_operator.kinds import LEASE, Object
from drawbridge_operator.leader import LEASE_NAME, Leader, Timing

from tests.unit.drawbridge_operator.world import World

NAMESPACE = "drawbridge-system"
DEADLINE_S = 5.0
TIMING = Timing(lease_s=8.0, renew_within_s=5.0, retry_s=0.0)


class Clocks:
    """Both clocks of a machine, moved by hand."""

    def __init__(self) -> None:
        self.passed_s = 1000.0

    def monotonic_s(self) -> float:
        return self.passed_s

    def utc_now(self) -> datetime:
        return datetime(2026, 11, 22, tzinfo=UTC) + timedelta(seconds=self.passed_s)


class LeaseWorld(World):
    """An API server whose answers take time, and that checks the version of what it replaces."""

    def __init__(self) -> None:
        super().__init__()
        self.clocks: Clocks | None = None
        self.answer_s = 0.0

    async def replace(self, obj: Object) -> Object:
        if self.clocks:
            self.clocks.passed_s += self.answer_s
        live = self.named(LEASE, NAMESPACE, LEASE_NAME)
        if error := self.failures.get(("PUT", "Lease")):
            raise error
        if obj["metadata"]["resourceVersion"] != live["metadata"]["resourceVersion"]:
            raise ConflictError("changed")
        return self.put(obj)

    def holder(self) -> str:
        holder: str = self.named(LEASE, NAMESPACE, LEASE_NAME)["spec"]["holderIdentity"]
        return holder


def candidate(world: World, clocks: Clocks, identity: str = "one") -> Leader:
    return Leader(
        world,
        NAMESPACE,
        identity,
        clock=clocks.utc_now,
        monotonic_s=clocks.monotonic_s,
        timing=TIMING,
    )


async def test_the_first_candidate_leads_and_may_write() -> None:
    world, clocks = LeaseWorld(), Clocks()
    leader = candidate(world, clocks)
    with pytest.raises(LeadershipLostError):
        leader.check_may_write()
    await leader.acquire()
    leader.check_may_write()
    assert world.holder() == "one"


async def test_another_candidate_waits_while_the_lease_is_renewed() -> None:
    world, clocks = LeaseWorld(), Clocks()
    one, two = candidate(world, clocks), candidate(world, clocks, "two")
    await one.acquire()
    for _ in range(20):
        assert not await two._try_to_lead()
        clocks.passed_s += 1
        assert await one._try_to_lead()
    assert world.holder() == "one"


@pytest.mark.parametrize(
    ("after_s", "leads"),
    [
        pytest.param(7.9, False, id="not within the lease"),
        pytest.param(8.0, True, id="after it"),
    ],
)
async def test_a_lease_that_is_not_renewed_goes_to_another(after_s: float, *, leads: bool) -> None:
    world, clocks = LeaseWorld(), Clocks()
    one, two = candidate(world, clocks), candidate(world, clocks, "two")
    await one.acquire()
    assert not await two._try_to_lead()
    clocks.passed_s += after_s
    assert await two._try_to_lead() is leads
    if leads:
        assert world.named(LEASE, NAMESPACE, LEASE_NAME)["spec"]["leaseTransitions"] == 1


async def test_the_end_of_a_lease_counts_from_when_it_was_seen_not_from_the_others_clock() -> None:
    world, behind, ahead = LeaseWorld(), Clocks(), Clocks()
    ahead.passed_s += 3600
    one, two = candidate(world, behind), candidate(world, ahead, "two")
    await one.acquire()
    assert not await two._try_to_lead(), "an hour of difference between two machines is no expiry"


async def test_writing_ends_before_another_can_take_over() -> None:
    world, clocks = LeaseWorld(), Clocks()
    leader = candidate(world, clocks)
    await leader.acquire()
    clocks.passed_s += 4.9
    leader.check_may_write()
    clocks.passed_s += 0.1
    with pytest.raises(LeadershipLostError):
        leader.check_may_write()


async def test_a_renewal_counts_from_when_it_was_asked_for() -> None:
    world, clocks = LeaseWorld(), Clocks()
    leader = candidate(world, clocks)
    await leader.acquire()
    world.clocks, world.answer_s = clocks, 4.0
    await leader._try_to_lead()
    clocks.passed_s += 0.9
    leader.check_may_write()
    clocks.passed_s += 0.1
    with pytest.raises(LeadershipLostError):
        leader.check_may_write()


async def test_a_leader_that_cannot_renew_gives_up_at_its_deadline() -> None:
    world, clocks = LeaseWorld(), Clocks()
    leader = candidate(world, clocks)
    await leader.acquire()
    world.failures["PUT", "Lease"] = UnavailableError("no answer")
    world.clocks, world.answer_s = clocks, 1.0
    began_s = clocks.passed_s
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(LeadershipLostError):
            await leader.keep()
    assert clocks.passed_s - began_s == pytest.approx(5, abs=1)


async def test_a_leader_that_was_replaced_gives_up_at_once() -> None:
    world, clocks = LeaseWorld(), Clocks()
    leader = candidate(world, clocks)
    await leader.acquire()
    lease = world.named(LEASE, NAMESPACE, LEASE_NAME)
    world.put({**lease, "spec": {**lease["spec"], "holderIdentity": "two"}})
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(LeadershipLostError):
            await leader.keep()
    assert world.holder() == "two"


async def test_a_released_lease_is_taken_at_once() -> None:
    world, clocks = LeaseWorld(), Clocks()
    one, two = candidate(world, clocks), candidate(world, clocks, "two")
    await one.acquire()
    assert not await two._try_to_lead()
    await one.release()
    with pytest.raises(LeadershipLostError):
        one.check_may_write()
    assert await two._try_to_lead()


async def test_releasing_what_another_holds_changes_nothing() -> None:
    world, clocks = LeaseWorld(), Clocks()
    one, two = candidate(world, clocks), candidate(world, clocks, "two")
    await one.acquire()
    await two._try_to_lead()
    await two.release()
    assert world.holder() == "one"


async def test_a_restarted_replica_of_the_same_name_need_not_wait() -> None:
    world, clocks = LeaseWorld(), Clocks()
    await candidate(world, clocks).acquire()
    assert await candidate(world, clocks)._try_to_lead()


async def test_a_lease_without_content_is_free() -> None:
    world, clocks = LeaseWorld(), Clocks()
    metadata = {"name": LEASE_NAME, "namespace": NAMESPACE}
    world.put({"apiVersion": LEASE.api_version, "kind": LEASE.kind, "metadata": metadata})
    assert await candidate(world, clocks)._try_to_lead()


def test_the_default_periods_leave_a_gap_between_two_leaders() -> None:
    timing = Timing()
    assert (timing.lease_s, timing.renew_within_s, timing.retry_s) == (8, 5, 1)
