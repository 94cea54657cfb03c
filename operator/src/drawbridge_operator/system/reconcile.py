"""The way from gateway and bridge to the API server: a NetworkPolicy that only the operator can keep.

A NetworkPolicy names addresses, those of the API server are known to the cluster alone, and they move.
Most network plugins match them after the translation of the Service's address, so that the endpoints count;
some, the AWS VPC CNI among them, before it: docs/compatibility.md.
"""

import asyncio
import ipaddress
from collections.abc import Iterable
from typing import Final

import structlog

from drawbridge_operator.cluster import Cluster
from drawbridge_operator.kinds import ENDPOINT_SLICE, FIELD_MANAGER, NETWORK_POLICY, SERVICE, Object
from drawbridge_operator.plan import plan_write
from drawbridge_operator.settings import Settings

POLICY_NAME: Final = "drawbridge-api-server"

RECHECK_S: Final = 30.0
"""API servers move rarely, and a poll needs no right to read the cluster's other EndpointSlices."""

_log = structlog.get_logger()


async def reconcile_system(cluster: Cluster, settings: Settings) -> float:
    """Keep the policy; returns the seconds until the next look."""
    slices, service = await asyncio.gather(
        cluster.list(ENDPOINT_SLICE, "default", "kubernetes.io/service-name=kubernetes"),
        cluster.get(SERVICE, "default", "kubernetes"),
    )
    wanted = make_api_server_policy(slices, service, settings.namespace)
    if wanted is None:  # an API server that answers has an address: keep what was known to work
        _log.warning(
            "api_server_addresses_missing", action="look at the EndpointSlices of Service default/kubernetes"
        )
        return RECHECK_S
    write = plan_write(wanted, await cluster.get(NETWORK_POLICY, settings.namespace, POLICY_NAME))
    if write is not None:
        await cluster.apply(write)
        _log.info("api_server_policy_written")
    return RECHECK_S


def make_api_server_policy(
    slices: Iterable[Object], service: Object | None, system_namespace: str
) -> Object | None:
    """Allow gateway and bridge to reach the endpoints in these EndpointSlices, and the Service of them.

    None when there are no endpoints.
    """
    endpoints = {
        (address, port["port"])
        for endpoint_slice in slices
        for endpoint in endpoint_slice.get("endpoints") or ()
        for address in endpoint["addresses"]
        for port in endpoint_slice.get("ports") or ()
    }
    if not endpoints:
        return None
    spec = service["spec"] if service else {}
    translated = {(ip, port["port"]) for ip in spec.get("clusterIPs", ()) for port in spec.get("ports", ())}
    egress = sorted(
        (ipaddress.ip_network(address).with_prefixlen, port) for address, port in endpoints | translated
    )
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": POLICY_NAME,
            "namespace": system_namespace,
            "labels": {
                "app.kubernetes.io/name": "drawbridge",
                "app.kubernetes.io/part-of": "drawbridge",
                "app.kubernetes.io/managed-by": FIELD_MANAGER,
            },
        },
        "spec": {
            "podSelector": {
                "matchLabels": {"app.kubernetes.io/name": "drawbridge"},
                "matchExpressions": [
                    {"key": "app.kubernetes.io/component", "operator": "In", "values": ["bridge", "gateway"]}
                ],
            },
            "policyTypes": ["Egress"],
            "egress": [
                {"to": [{"ipBlock": {"cidr": cidr}}], "ports": [{"protocol": "TCP", "port": port}]}
                for cidr, port in egress
            ],
        },
    }
