"""Find or make a cluster.

CLUSTER=existing uses the one of KUBECONFIG, CLUSTER=kind and CLUSTER=source make one. Without it: that from
source if it runs, else kind where a Docker engine answers (a client alone proves nothing), else from source.
"""

import os
from collections.abc import Callable, Mapping
from typing import get_args

from tests.cluster import existing, kind
from tests.cluster.images.builders import docker_answers
from tests.cluster.interface import Cluster, Kind, NoClusterError, Status
from tests.cluster.source import cluster as source

__all__ = ["Cluster", "NoClusterError", "Status", "choose", "find_or_make", "status", "take_down"]


def find_or_make() -> Cluster:
    """Return a healthy cluster: the one that is there, mended where needed, or a new one.

    Raises:
        NoClusterError: what is missing, all at once, before anything was started.
    """
    match _chosen():
        case "existing":
            return existing.find(os.environ)
        case "kind":
            return kind.up()
        case "source":
            return source.up()


def take_down(*, purge: bool = False) -> None:
    """End the cluster and all that is its own; `purge` also removes its images and keys."""
    match _chosen():
        case "existing":
            raise NoClusterError("CLUSTER=existing: that cluster is yours, end it yourself")
        case "kind":
            kind.down()
        case "source":
            source.down(purge=purge)


def status() -> Status:
    """Look at the cluster, changing nothing."""
    match _chosen():
        case "existing":
            return existing.status(os.environ)
        case "kind":
            return kind.status()
        case "source":
            return source.status()


def choose(
    environment: Mapping[str, str],
    *,
    source_runs: Callable[[], bool],
    docker_answers: Callable[[], bool],
) -> Kind:
    """Decide which kind of cluster is meant; see the module's text.

    Raises:
        NoClusterError: CLUSTER names no kind.
    """
    asked = environment.get("CLUSTER", "")
    for name in get_args(Kind):
        if asked == name:
            return name  # type: ignore[no-any-return]  # get_args forgets the type
    if asked:
        raise NoClusterError(f"CLUSTER={asked}: write existing, kind or source")
    if source_runs():
        return "source"
    return "kind" if docker_answers() else "source"


def _chosen() -> Kind:
    return choose(os.environ, source_runs=source.runs, docker_answers=docker_answers)
