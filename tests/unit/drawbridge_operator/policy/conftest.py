from collections.abc import AsyncIterator

import pytest

from tests.unit.drawbridge_operator.policy.installation import Installation, run_installation


@pytest.fixture
async def here() -> AsyncIterator[Installation]:
    async with run_installation() as installation:
        yield installation
