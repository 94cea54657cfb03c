"""The resources that these tests apply."""

import json
from typing import Any

from drawbridge_operator.kinds import Object

API = "drawbridge.dev/v1alpha1"
CLAUDE = {
    "name": "claude",
    "provider": "Anthropic",
    "model": "claude-sonnet-4-5",
    "secretKeyRef": {"name": "anthropic", "key": "api-key"},
}
TO_CODER = {"name": "rest", "backends": [{"type": "Pool", "name": "coder"}]}
TO_CLOUD = {**TO_CODER, "fallback": {"backends": [{"type": "Cloud", "name": "claude"}]}}


def pool(namespace: str, name: str = "coder", **spec: Any) -> Object:
    """Make a pool without replicas, whose claim does not exist."""
    source = {"type": "PersistentVolumeClaim", "persistentVolumeClaim": {"claimName": "weights"}}
    return {
        "apiVersion": API,
        "kind": "InferencePool",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": 0,
            "scaling": {"mode": "External"},
            "model": {"source": source},
            "accelerator": {"type": "CPU"},
            **spec,
        },
    }


def policy(namespace: str, **spec: Any) -> Object:
    return {
        "apiVersion": API,
        "kind": "RoutingPolicy",
        "metadata": {"name": "default", "namespace": namespace},
        "spec": {"routes": [TO_CODER], **spec},
    }


def keys(namespace: str, *key_ids: str) -> Object:
    entry = {"digest": "0" * 64, "name": "ci", "created": "2026-11-22T15:00:00Z"}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "drawbridge-keys",
            "namespace": namespace,
            "labels": {"drawbridge.dev/keys": "true"},
        },
        "data": {key_id: json.dumps(entry) for key_id in key_ids},
    }


def config_map(namespace: str, name: str, **data: str) -> Object:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
