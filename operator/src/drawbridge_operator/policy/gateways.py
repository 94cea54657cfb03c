"""Asks the gateways which snapshot of a tenant each has loaded."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import aiohttp
from drawbridge_crds.reports import LoadedSnapshot

from drawbridge_operator.cluster import Cluster
from drawbridge_operator.kinds import ENDPOINT_SLICE, Object
from drawbridge_operator.policy.answers import Silence, ask
from drawbridge_operator.settings import Settings

GATEWAY_SERVICE: Final = "drawbridge-gateway"
"""As the chart names it. Its EndpointSlices tell which gateways serve."""

TIMEOUT_S: Final = 3.0
"""For all gateways together, as they are asked at once; each answers from memory."""

MAX_CONNECTIONS: Final = 16

MAX_ANSWER_BYTES: Final = 4_096
"""One tenant's answer takes 200 bytes."""


@dataclass(frozen=True, slots=True)
class GatewayReport:
    """What one gateway said of one tenant."""

    gateway: str
    """Name of its pod."""

    loaded: str | None = None
    """Hash of the snapshot in force there; None: it has none of this tenant, or did not say."""

    silence: Silence | None = None
    """Why it did not say. Never NOT_LOADED, which says all there is to say."""


async def read_gateways(cluster: Cluster, settings: Settings, tenant: str) -> list[GatewayReport]:
    """Ask every ready gateway, all at once; the reports are sorted by pod."""
    selector = f"kubernetes.io/service-name={GATEWAY_SERVICE}"
    slices = await cluster.list(ENDPOINT_SLICE, settings.namespace, selector)
    addresses = ready_addresses(slices)
    if not addresses:
        return []
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    connector = aiohttp.TCPConnector(limit=MAX_CONNECTIONS)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        return await asyncio.gather(
            *(
                _ask(session, pod, f"http://{host}:{settings.gateway_admin_port}/status/snapshots/{tenant}")
                for pod, host in sorted(addresses.items())
            )
        )


def ready_addresses(slices: Iterable[Object]) -> dict[str, str]:
    """Return the host of a URL for each ready pod; a pod with two address families is asked by one."""
    found: dict[str, str] = {}
    for one in sorted(slices, key=lambda s: str(s["metadata"]["name"])):
        for endpoint in one.get("endpoints") or ():
            address: str = endpoint["addresses"][0]
            # absent means ready: discovery.k8s.io/v1, EndpointConditions
            if endpoint.get("conditions", {}).get("ready", True):
                pod = endpoint.get("targetRef", {}).get("name", address)
                found.setdefault(pod, f"[{address}]" if ":" in address else address)
    return found


async def _ask(session: aiohttp.ClientSession, pod: str, url: str) -> GatewayReport:
    answer = await ask(session, url, LoadedSnapshot, MAX_ANSWER_BYTES)
    if isinstance(answer, LoadedSnapshot):
        return GatewayReport(pod, loaded=answer.hash)
    return GatewayReport(pod, silence=None if answer == Silence.NOT_LOADED else answer)
