"""The cluster from source as demo and tests see it."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tests.cluster import binaries
from tests.cluster.cache import cache_dir
from tests.cluster.interface import IMAGE_PREFIX, Kind, Status
from tests.cluster.source import containers, lifecycle, preflight, volumes
from tests.cluster.source.settings import Settings, bypass_proxies, read_settings


@dataclass(frozen=True, slots=True)
class SourceCluster:
    """See tests.cluster.interface.Cluster."""

    settings: Settings
    kubectl: Path
    helm: Path

    kind: ClassVar[Kind] = "source"
    storage_class: ClassVar[str | None] = volumes.STORAGE_CLASS

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig, complete in one file."""
        return self.settings.kubeconfig

    @property
    def audit_log(self) -> Path | None:
        """The file that the API server writes."""
        return self.settings.audit_log

    def image_ref(self, name: str, tag: str) -> str:
        """Return a reference that no registry serves: such images are only ever imported."""
        return f"localhost/{IMAGE_PREFIX}/{name}:{tag}"

    def has_image(self, ref: str) -> bool:
        """Ask containerd."""
        return containers.has_image(self.settings, ref)

    def load_image(self, ref: str, archive: Path) -> None:
        """Import into containerd's store, which outlives the cluster."""
        containers.import_image(self.settings, ref, archive)

    def ensure_volumes(self) -> None:
        """Make the static volumes that are missing, and used ones anew."""
        volumes.ensure(self, self.settings.state / "volumes")


def up() -> SourceCluster:
    """Find or make the cluster, with free volumes in it."""
    settings = _settings()
    bypass_proxies(os.environ)
    preflight.prepare(settings)
    wanted = lifecycle.plan(settings)
    lifecycle.up(wanted)
    cluster = SourceCluster(settings, wanted.programs["kubectl"], wanted.programs["helm"])
    cluster.ensure_volumes()
    return cluster


def down(*, purge: bool) -> None:
    """End the cluster."""
    lifecycle.down(_settings(), purge=purge)


def runs() -> bool:
    """Tell whether any of its processes is alive."""
    return bool(lifecycle.running(_settings()))


def status() -> Status:
    """Look at processes and readiness, building and starting nothing."""
    settings = _settings()
    alive = lifecycle.running(settings)
    ready = (
        all(name in alive for name in lifecycle.COMPONENTS)
        and binaries.is_built("kubectl")
        and lifecycle.is_ready(settings, binaries.build(["kubectl"])["kubectl"])
    )
    details = {name: f"pid {process.pid}" for name, process in alive.items()}
    return Status("source", ready, settings.kubeconfig if settings.kubeconfig.exists() else None, details)


def _settings() -> Settings:
    return read_settings(cache_dir() / "source-cluster", os.environ)
