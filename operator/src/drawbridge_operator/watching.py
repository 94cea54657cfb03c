"""kopf, made to watch and to do nothing else: no write, and no work for handlers that do not exist."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import kopf
from drawbridge_crds.names import GROUP

from drawbridge_operator.connection import kopf_login
from drawbridge_operator.errors import DrawbridgeError
from drawbridge_operator.handlers import WATCHED, Add, register_handlers, selector
from drawbridge_operator.kinds import FIELD_MANAGER


class _NoDiffBase(kopf.DiffBaseStorage):
    """Keeps no last-handled state. kopf would copy and clean every object it sees to compare with one."""

    def build(self, **_: Any) -> Any:
        return {}

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        """Write nothing."""


class _NoProgress(kopf.ProgressStorage):
    """Keeps no progress of handlers."""

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        """Write nothing."""

    def purge(self, **_: Any) -> None:
        """Write nothing."""

    def touch(self, **_: Any) -> None:
        """Write nothing."""

    def clear(self, *, essence: Any) -> Any:
        return essence


def kopf_settings() -> kopf.OperatorSettings:
    """Make kopf watch on its own terms and write nothing."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.scanning.disabled = True  # no list of CRDs or namespaces, and no right to it
    settings.watching.chunk_size = 500
    settings.process.ultimate_exiting_timeout = None  # the kubelet's grace period does that
    settings.persistence.diffbase_storage = _NoDiffBase()
    settings.persistence.progress_storage = _NoProgress()
    # kopf takes its finalizer off every object it sees, as it has no handler for deletion here.
    # Under its usual name that would be another kopf operator's.
    settings.persistence.finalizer = f"{GROUP}/never-set"
    for kind, labels in WATCHED.items():
        if labels:
            settings.watching.label_selectors[selector(kind)] = labels
    return settings


async def watch(add: Add, *, take_back_signals: Callable[[], None]) -> None:
    """Turn events into keys until cancelled.

    `take_back_signals` is called once kopf runs, which takes SIGTERM and SIGINT for itself.

    Raises:
        DrawbridgeError: kopf gave up.
    """
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry)(kopf_login)
    register_handlers(registry, add)
    others = asyncio.all_tasks()  # at its end kopf cancels whatever task it does not know to be another's
    tasks = await kopf.spawn_tasks(
        registry=registry,
        settings=kopf_settings(),
        clusterwide=True,
        # unused without peering; by default kopf asks for the user's name, and the pod's user has none
        identity=cast("Any", FIELD_MANAGER),
    )
    take_back_signals()
    await kopf.run_tasks(tasks, ignored=others)
    raise DrawbridgeError("kopf has stopped watching")
