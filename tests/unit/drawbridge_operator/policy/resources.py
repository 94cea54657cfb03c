"""A namespace and what is in it, as people apply them."""

from typing import Any

from drawbridge_operator.kinds import Object

from tests.unit.drawbridge_operator.policy.installation import TENANT

API = "drawbridge.dev/v1alpha1"
TO_CODER = {"name": "rest", "backends": [{"type": "Pool", "name": "coder"}]}

AUTHORITY_PEM = """\
-----BEGIN CERTIFICATE-----
MIIBfTCCASOgAwIBAgIBATAKBggqhkjOPQQDAjA7MTkwNwYDVQQDDDBEcmF3YnJp
ZGdlIHRlc3QgYXV0aG9yaXR5IChpdHMga2V5IGlzIGZvcmdvdHRlbikwIBcNMjYx
MTIyMDAwMDAwWhgPMjEyNjExMjIwMDAwMDBaMDsxOTA3BgNVBAMMMERyYXdicmlk
Z2UgdGVzdCBhdXRob3JpdHkgKGl0cyBrZXkgaXMgZm9yZ290dGVuKTBZMBMGByqG
SM49AgEGCCqGSM49AwEHA0IABMmuyQNm+Th+WFr6IaXXRZYE6tuKGDAXFUdv/PQI
ZTX6yGo1TFNcRGf5yN6kTUCKnxTM1FTkQ5uFmAodpqMfr8+jFjAUMBIGA1UdEwEB
/wQIMAYBAf8CAQAwCgYIKoZIzj0EAwIDSAAwRQIgVQL6pTx6Mt9dIpMUh+CyVD6m
DSRsGTpo+GFyC52ycNgCIQDTE9zsotlkuoh01wXq97Lnx5cIKi4ewY1drztXo8M2
/w==
-----END CERTIFICATE-----
"""
"""Of a certificate authority whose key is forgotten; until 2126."""


def namespace(**labels: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": TENANT, "labels": labels}}


def pool(name: str = "coder", **spec: Any) -> Object:
    source = {"type": "PersistentVolumeClaim", "persistentVolumeClaim": {"claimName": "weights"}}
    return {
        "apiVersion": API,
        "kind": "InferencePool",
        "metadata": {"name": name, "namespace": TENANT},
        "spec": {"model": {"source": source}, **spec},
    }


def policy(**spec: Any) -> Object:
    return {
        "apiVersion": API,
        "kind": "RoutingPolicy",
        "metadata": {"name": "default", "namespace": TENANT},
        "spec": {"routes": [TO_CODER], **spec},
    }


def config_map(name: str, data: dict[str, str], **labels: str) -> Object:
    metadata = {"name": name, "namespace": TENANT, "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def keys(name: str = "drawbridge-keys", **entries: str) -> Object:
    return config_map(name, entries, **{"drawbridge.dev/keys": "true"})
