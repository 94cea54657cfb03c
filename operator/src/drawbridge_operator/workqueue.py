"""A queue of keys: each key at most once in it, never worked on twice at a time, retried with back-off.

    add ──────────────► ready ──► working ──► done
                          ▲          │ added meanwhile: ready again
    add_after, back-off ──┘ timer ◄──┘ result or failure says when to look again

The meaning is that of client-go's workqueue: an event that arrives while its key is being worked on is
not lost, and a hundred of them cost one more run.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from random import Random
from typing import Final, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

Reconcile = Callable[[Key], Awaitable[float | None]]
"""Works on a key; returns the seconds until the next look, or None. RetryError asks to be run again soon."""

FIRST_BACK_OFF_S: Final = 0.1
MAX_BACK_OFF_S: Final = 60.0
"""A world mended by a person is noticed within a minute even where no event tells of it."""

JITTER: Final = 0.1
"""Delays differ by up to this share, so that keys delayed together do not come back together."""


class RetryError(Exception):
    """The work on a key failed in a way that time may heal."""


class WorkQueue(Generic[Key]):
    """See the module. Not thread-safe: one event loop adds and works."""

    def __init__(self, reconcile: Reconcile[Key], *, workers: int, rng: Random) -> None:
        self._reconcile = reconcile
        self._workers = workers
        self._rng = rng
        self._ready: deque[Key] = deque()
        self._queued: set[Key] = set()
        self._working: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._wakeup = asyncio.Semaphore(0)

    def __len__(self) -> int:
        """Keys that wait for a worker."""
        return len(self._queued)

    def add(self, key: Key) -> None:
        """Have a key worked on as soon as a worker is free."""
        if key in self._queued:
            return
        self._queued.add(key)
        if key not in self._working:
            self._make_ready(key)

    def add_after(self, key: Key, delay_s: float) -> None:
        """Have a key worked on later; the earlier of two times wins.

        A key that failed waits for its back-off: what comes meanwhile may be an echo of that failure, such
        as a status that tells of it. `add` does not wait.
        """
        at = self._time_in(delay_s)
        timer = self._timers.get(key)
        if timer is None or (key not in self._failures and at < timer.when()):
            self._set_timer(key, at)

    def put_off(self, key: Key, delay_s: float) -> None:
        """Have a key worked on later; the later of two times wins."""
        at = self._time_in(delay_s)
        timer = self._timers.get(key)
        if timer is None or at > timer.when():
            self._set_timer(key, at)

    async def run(self) -> None:
        """Work until cancelled, or until `reconcile` raises anything but RetryError."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._workers):
                    group.create_task(self._work())
        finally:
            for key in list(self._timers):
                self._forget_timer(key)

    async def _work(self) -> None:
        while True:
            await self._wakeup.acquire()
            await self._work_on(self._ready.popleft())

    async def _work_on(self, key: Key) -> None:
        self._queued.discard(key)
        self._working.add(key)
        self._forget_timer(key)  # this run decides anew when to look again
        try:
            delay_s = await self._reconcile(key)
        except RetryError:
            self._failures[key] = failures = self._failures.get(key, 0) + 1
            self._set_timer(key, self._time_in(back_off_s(failures)))
        else:
            self._failures.pop(key, None)
            if delay_s is not None:
                self.add_after(key, delay_s)
        finally:
            self._working.discard(key)
        if key in self._queued:
            self._make_ready(key)

    def _make_ready(self, key: Key) -> None:
        self._ready.append(key)
        self._wakeup.release()

    def _time_in(self, delay_s: float) -> float:
        jitter = self._rng.uniform(1 - JITTER, 1 + JITTER)
        return asyncio.get_running_loop().time() + delay_s * jitter

    def _set_timer(self, key: Key, at: float) -> None:
        self._forget_timer(key)
        self._timers[key] = asyncio.get_running_loop().call_at(at, self._timer_fired, key)

    def _timer_fired(self, key: Key) -> None:
        del self._timers[key]
        self.add(key)

    def _forget_timer(self, key: Key) -> None:
        if timer := self._timers.pop(key, None):
            timer.cancel()


def back_off_s(failures: int) -> float:
    """Return the seconds to wait after this many failures in a row: doubled each time, up to a minute."""
    exponent = min(failures - 1, 16)  # far past the maximum: keeps the power a small number
    return min(FIRST_BACK_OFF_S * 2.0**exponent, MAX_BACK_OFF_S)
