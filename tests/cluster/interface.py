"""What demo, tests and benchmarks may ask of a cluster, wherever it came from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

Kind = Literal["existing", "kind", "source"]

IMAGE_PREFIX = "drawbridge"
"""The path below a registry (or `localhost`) that all our images have."""


class Cluster(Protocol):
    """A running cluster and the tools that fit it."""

    @property
    def kind(self) -> Kind:
        """How it came about."""

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""

    @property
    def kubectl(self) -> Path:
        """A kubectl that fits the cluster's version."""

    @property
    def helm(self) -> Path:
        """A helm that reads our charts."""

    @property
    def storage_class(self) -> str | None:
        """The StorageClass for claims; None: the cluster's default."""

    @property
    def audit_log(self) -> Path | None:
        """The API server's audit log as one JSON object a line; None where it cannot be read."""

    def image_ref(self, name: str, tag: str) -> str:
        """Return the reference by which pods name our image."""

    def has_image(self, ref: str) -> bool:
        """Tell whether pods can start from `ref` without an upload."""

    def load_image(self, ref: str, archive: Path) -> None:
        """Make `ref` available to pods from `archive`, a tar file in OCI or docker format that holds it."""

    def ensure_volumes(self) -> None:
        """See that claims of `storage_class` can be bound: make free volumes where nothing else does."""


@dataclass(frozen=True, slots=True)
class Status:
    """What `python -m tests.cluster status` tells; `details` are for a person, such as a pid."""

    kind: Kind
    ready: bool
    kubeconfig: Path | None
    details: Mapping[str, str]


class NoClusterError(Exception):
    """There is no cluster to be had; the text says all that is missing, each with its remedy."""
