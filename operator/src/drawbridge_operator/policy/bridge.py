"""Asks the bridge which Secrets it can read. The operator reads none."""

from http import HTTPStatus
from typing import Final

import aiohttp
from drawbridge_crds.reports import CredentialReport
from pydantic import ValidationError

from drawbridge_operator.policy.answers import read_whole
from drawbridge_operator.settings import Settings

TIMEOUT_S: Final = 3.0
"""The bridge answers from memory or after one read per Secret."""

MAX_ANSWER_BYTES: Final = 65_536
"""Sixteen clouds take 12 KiB at most."""


async def read_report(settings: Settings, tenant: str) -> CredentialReport | None:
    """Ask the bridge; None when it cannot be reached, does not know the tenant yet, or makes no sense."""
    url = f"{settings.bridge_url}/status/credentials/{tenant}"
    headers = {"Authorization": f"Bearer {settings.bridge_token}"}
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(url, headers=headers, allow_redirects=False) as response,
        ):
            if response.status != HTTPStatus.OK:
                return None
            return CredentialReport.model_validate_json(await read_whole(response, MAX_ANSWER_BYTES))
    except (aiohttp.ClientError, OSError, TimeoutError, ValidationError):
        return None
