"""What runs until it is cancelled, for as long as a test looks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

DEADLINE_S = 5.0


class Runs(Protocol):
    async def run(self) -> None: ...


@asynccontextmanager
async def running(subject: Runs) -> AsyncIterator[None]:
    task = asyncio.create_task(subject.run())
    try:
        async with asyncio.timeout(DEADLINE_S):
            yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
