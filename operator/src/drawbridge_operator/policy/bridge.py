"""Asks the bridge which Secrets it can read. The operator reads none."""

from typing import Final

import aiohttp
from drawbridge_crds.reports import CredentialReport

from drawbridge_operator.policy.answers import Silence, ask
from drawbridge_operator.settings import Settings

TIMEOUT_S: Final = 3.0
"""The bridge answers from memory or after one read per Secret."""

MAX_ANSWER_BYTES: Final = 65_536
"""Sixteen clouds take 12 KiB at most."""


async def read_report(settings: Settings, tenant: str) -> CredentialReport | Silence:
    """Ask the bridge about the Secrets of a tenant's clouds."""
    url = f"{settings.bridge_url}/status/credentials/{tenant}"
    headers = {"Authorization": f"Bearer {settings.bridge_token}"}
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout, headers=headers) as session:
        return await ask(session, url, CredentialReport, MAX_ANSWER_BYTES)
