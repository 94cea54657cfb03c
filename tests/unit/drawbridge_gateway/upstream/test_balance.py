from collections import Counter
from random import Random

import pytest
from drawbridge_gateway.upstream.balance import COOLDOWN_S, MAX_IN_FLIGHT, Endpoint, Replica, Replicas
from drawbridge_gateway.upstream.errors import BusyError, UnreachableError

A, B, C = (Endpoint(f"10.0.0.{n}", 8000) for n in (1, 2, 3))


@pytest.fixture
def rng() -> Random:
    return Random(7)  # noqa: S311 - chance that repeats


def pick(replicas: Replicas, rng: Random, now_s: float = 0.0, tried: tuple[Replica, ...] = ()) -> Replica:
    return replicas.pick(now_s, rng, tried)


def test_the_least_loaded_replica_is_picked(rng: Random) -> None:
    replicas = Replicas([A, B])
    first = pick(replicas, rng)
    first.in_flight += 1
    assert {pick(replicas, rng).endpoint for _ in range(20)} == {A, B} - {first.endpoint}


def test_ties_are_broken_by_chance_and_evenly(rng: Random) -> None:
    picked = Counter(pick(Replicas([A, B, C]), rng).endpoint for _ in range(3000))
    assert all(900 < number < 1100 for number in picked.values())


def test_a_replica_that_was_tried_is_not_picked_again(rng: Random) -> None:
    replicas = Replicas([A])
    tried = pick(replicas, rng)
    with pytest.raises(UnreachableError):
        pick(replicas, rng, tried=(tried,))


def test_nobody_is_picked_of_none(rng: Random) -> None:
    with pytest.raises(UnreachableError):
        pick(Replicas(), rng)


def test_a_resting_replica_is_left_alone(rng: Random) -> None:
    replicas = Replicas([A, B])
    resting = pick(replicas, rng)
    resting.cooling_until_s = 10.0
    assert resting not in {pick(replicas, rng, now_s=9.9) for _ in range(20)}


def test_one_request_alone_finds_out_whether_a_rested_replica_is_back(rng: Random) -> None:
    replicas = Replicas([A])
    pick(replicas, rng).cooling_until_s = 10.0
    scout = pick(replicas, rng, now_s=10.0)
    with pytest.raises(UnreachableError):
        pick(replicas, rng, now_s=10.0)
    scout.cooling_until_s = 0.0  # it is connected
    assert pick(replicas, rng, now_s=10.0) is scout


def test_a_scout_that_never_returns_is_followed_by_another(rng: Random) -> None:
    replicas = Replicas([A])
    scout = pick(replicas, rng)
    scout.cooling_until_s = 10.0
    pick(replicas, rng, now_s=10.0)
    assert pick(replicas, rng, now_s=10.0 + COOLDOWN_S) is scout


def test_full_replicas_mean_busy_not_unreachable(rng: Random) -> None:
    replicas = Replicas([A])
    pick(replicas, rng).in_flight = MAX_IN_FLIGHT
    with pytest.raises(BusyError):
        pick(replicas, rng)


def test_replacing_endpoints_keeps_what_is_known_and_retires_the_gone(rng: Random) -> None:
    replicas = Replicas([A])
    known = pick(replicas, rng)
    known.in_flight = 5
    replicas.replace([B, A, A])
    assert pick(replicas, rng).endpoint == B
    replicas.replace([A])
    assert pick(replicas, rng) is known
    replicas.replace([])
    assert known.retired
    with pytest.raises(UnreachableError):
        pick(replicas, rng)


@pytest.mark.parametrize(
    ("host", "authority"),
    [("10.0.0.1", "10.0.0.1:8000"), ("fd00::1", "[fd00::1]:8000"), ("bridge.ns.svc", "bridge.ns.svc:8000")],
)
def test_the_authority_of_an_endpoint(host: str, authority: str) -> None:
    assert Endpoint(host, 8000).authority == authority
