"""Names, labels and ownership that all children of a pool share."""

from typing import Final

from drawbridge_crds.names import API_VERSION, ENGINE_LABEL, POOL_LABEL, POOL_UID_LABEL, child_name
from drawbridge_crds.pool import InferencePool

from drawbridge_operator.kinds import FIELD_MANAGER, Object

UID_CHARS: Final = 8
"""Of the pool's UID in the name of its Secret."""


def keys_name(pool: InferencePool) -> str:
    """Name the Secret of a pool's engine keys.

    It carries the UID because Secrets are never read: under a guessable name the operator could not
    tell its own Secret from a person's before it overwrites it.
    """
    return child_name(pool.metadata.name, f"-engine-keys-{pool.metadata.uid[:UID_CHARS]}")


def child_metadata(pool: InferencePool, name: str) -> Object:
    """Return the metadata of a child that lives and dies with the pool.

    `blockOwnerDeletion` stays false: true would need a right on the finalizers of every pool.
    """
    return {
        "name": name,
        "namespace": pool.metadata.namespace,
        "labels": child_labels(pool),
        "ownerReferences": [
            {
                "apiVersion": API_VERSION,
                "kind": pool.kind,
                "name": pool.metadata.name,
                "uid": pool.metadata.uid,
                "controller": True,
                "blockOwnerDeletion": False,
            }
        ],
    }


def shared_labels(pool: str) -> dict[str, str]:
    """Return the labels of everything made for pools of a name.

    None holds a version: an upgrade must change no pod template.
    """
    return {
        "app.kubernetes.io/name": "sglang",
        "app.kubernetes.io/instance": pool,
        "app.kubernetes.io/component": "engine",
        "app.kubernetes.io/part-of": "drawbridge",
        "app.kubernetes.io/managed-by": FIELD_MANAGER,
        POOL_LABEL: pool,
    }


def child_labels(pool: InferencePool) -> dict[str, str]:
    """Return the labels of the children of one pool."""
    return {**shared_labels(pool.metadata.name), POOL_UID_LABEL: pool.metadata.uid}


def engine_labels(pool: InferencePool) -> dict[str, str]:
    """Return the labels of the pool's engine pods."""
    return {**child_labels(pool), ENGINE_LABEL: "true"}


def engine_selector(pool: InferencePool) -> dict[str, str]:
    """Select the engine pods of exactly this pool: not those of an earlier one of the same name."""
    return {
        POOL_LABEL: pool.metadata.name,
        POOL_UID_LABEL: pool.metadata.uid,
        ENGINE_LABEL: "true",
    }
