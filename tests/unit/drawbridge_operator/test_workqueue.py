import asyncio
from collections.abc import Awaitable, Callable
from random import Random

import pytest
from drawbridge_operator import workqueue as module
from drawbridge_operator.workqueue import RetryError, WorkQueue, back_off_s

from tests.unit.drawbridge_operator.running import DEADLINE_S, running


def queue_of(reconcile: Callable[[str], Awaitable[float | None]], workers: int = 2) -> WorkQueue[str]:
    return WorkQueue(reconcile, workers=workers, rng=Random(1))  # noqa: S311 - jitter


async def test_a_key_added_often_before_a_worker_is_free_is_worked_on_once() -> None:
    runs: list[str] = []
    done = asyncio.Event()

    async def reconcile(key: str) -> None:
        runs.append(key)
        if key == "last":
            done.set()

    queue = queue_of(reconcile, workers=1)
    for key in ("a", "a", "b", "a", "b", "last"):
        queue.add(key)
    assert len(queue) == 3
    async with running(queue):
        await done.wait()
    assert runs == ["a", "b", "last"]


async def test_a_key_added_while_it_is_worked_on_is_worked_on_again_and_never_twice_at_once() -> None:
    at_once, most_at_once, runs = 0, 0, 0
    started, go_on, again = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def reconcile(_: str) -> None:
        nonlocal at_once, most_at_once, runs
        runs += 1
        at_once += 1
        most_at_once = max(most_at_once, at_once)
        if runs == 2:
            again.set()
        started.set()
        await go_on.wait()
        at_once -= 1

    queue = queue_of(reconcile, workers=4)
    async with running(queue):
        queue.add("a")
        await started.wait()
        for _ in range(10):
            queue.add("a")
        await asyncio.sleep(0)  # a worker that would take it now gets the chance to
        go_on.set()
        await again.wait()
    assert (runs, most_at_once) == (2, 1)


async def test_different_keys_are_worked_on_at_the_same_time() -> None:
    together = asyncio.Barrier(3)

    async def reconcile(_: str) -> None:
        await together.wait()

    queue = queue_of(reconcile, workers=2)
    async with running(queue):
        queue.add("a")
        queue.add("b")
        await together.wait()


async def test_a_failed_key_comes_back_later_and_later_until_it_succeeds() -> None:
    runs_at_s: list[float] = []
    done = asyncio.Event()

    async def reconcile(_: str) -> None:
        runs_at_s.append(asyncio.get_running_loop().time())
        if len(runs_at_s) < 3:
            raise RetryError
        done.set()

    queue = queue_of(reconcile)
    async with running(queue):
        queue.add("a")
        await done.wait()
    first, second, third = runs_at_s
    assert second - first >= 0.09
    assert third - second >= 0.18
    assert queue._failures == {}, "success starts the count anew"


async def test_what_the_work_returns_says_when_to_look_again() -> None:
    done = asyncio.Event()

    async def reconcile(_: str) -> float:
        asyncio.get_running_loop().call_soon(done.set)
        return 60.0

    queue = queue_of(reconcile)
    async with running(queue):
        queue.add("a")
        await done.wait()
        due_s = queue._timers["a"].when() - asyncio.get_running_loop().time()
    assert 50 < due_s < 67
    assert queue._timers == {}, "a queue that ended has no timers left"


@pytest.mark.parametrize(
    ("first_s", "second_s"), [pytest.param(5, 60, id="earlier first"), pytest.param(60, 5, id="later first")]
)
async def test_of_two_times_the_earlier_one_wins(first_s: float, second_s: float) -> None:
    async def reconcile(_: str) -> None: ...

    queue = queue_of(reconcile)
    queue.add_after("a", first_s)
    first = queue._timers["a"]
    queue.add_after("a", second_s)
    assert first.cancelled() == (first is not queue._timers["a"]), "the one that lost never fires"
    due_s = queue._timers["a"].when() - asyncio.get_running_loop().time()
    assert due_s < 6
    queue._forget_timer("a")


@pytest.mark.parametrize(
    ("first_s", "second_s"), [pytest.param(5, 60, id="earlier first"), pytest.param(60, 5, id="later first")]
)
async def test_what_is_put_off_waits_for_the_later_of_two_times(first_s: float, second_s: float) -> None:
    async def reconcile(_: str) -> None: ...

    queue = queue_of(reconcile)
    queue.put_off("a", first_s)
    first = queue._timers["a"]
    queue.put_off("a", second_s)
    assert first.cancelled() == (first is not queue._timers["a"]), "the one that lost never fires"
    due_s = queue._timers["a"].when() - asyncio.get_running_loop().time()
    assert due_s > 50
    queue._forget_timer("a")


@pytest.mark.parametrize("when", ["while it fails", "after it failed"])
async def test_an_echo_of_a_failure_does_not_shorten_its_back_off(
    when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST_BACK_OFF_S", 20.0)
    failed = asyncio.Event()

    async def reconcile(key: str) -> None:
        if when == "while it fails":
            queue.add_after(key, 0.2)
        asyncio.get_running_loop().call_soon(failed.set)
        raise RetryError

    queue = queue_of(reconcile)
    async with running(queue):
        queue.add("a")
        await failed.wait()
        if when == "after it failed":
            queue.add_after("a", 0.2)
        due_s = queue._timers["a"].when() - asyncio.get_running_loop().time()
    assert due_s > 15


async def test_a_run_makes_an_earlier_appointment_void() -> None:
    done = asyncio.Event()

    async def reconcile(_: str) -> None:
        done.set()

    queue = queue_of(reconcile)
    queue.add_after("a", 60)
    async with running(queue):
        queue.add("a")
        await done.wait()
        assert queue._timers == {}, "before the end, which leaves none anyway"


async def test_keys_delayed_together_do_not_come_back_together() -> None:
    async def reconcile(_: str) -> None: ...

    queue = queue_of(reconcile)
    now_s = asyncio.get_running_loop().time()
    keys = [str(number) for number in range(100)]
    for key in keys:
        queue.add_after(key, 100)
    due_s = [queue._timers[key].when() - now_s for key in keys]
    assert 90 <= min(due_s) < 92
    assert 108 < max(due_s) < 112
    for key in keys:
        queue._forget_timer(key)


async def test_a_timer_adds_its_key() -> None:
    done = asyncio.Event()

    async def reconcile(_: str) -> None:
        done.set()

    queue = queue_of(reconcile)
    async with running(queue):
        queue.add_after("a", 0.001)
        await done.wait()


async def test_any_other_error_ends_the_queue() -> None:
    async def reconcile(_: str) -> None:
        raise KeyError

    queue = queue_of(reconcile)
    queue.add("a")
    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.timeout(DEADLINE_S):
            await queue.run()
    assert caught.group_contains(KeyError)


@pytest.mark.parametrize(
    ("failures", "delay_s"),
    [
        pytest.param(1, 0.1, id="the first retry is quick"),
        pytest.param(2, 0.2, id="then twice as long"),
        pytest.param(5, 1.6, id="and again"),
        pytest.param(10, 51.2, id="up to about a minute"),
        pytest.param(11, 60.0, id="and no longer"),
        pytest.param(100_000, 60.0, id="however often it failed"),
    ],
)
def test_back_off(failures: int, delay_s: float) -> None:
    assert back_off_s(failures) == pytest.approx(delay_s)
