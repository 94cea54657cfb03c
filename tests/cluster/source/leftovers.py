"""What kubelet and network plugins leave outside our own state, in places that they do not let one choose."""

import os
from pathlib import Path

from tests.cluster.source.configuration import POD_NETWORK
from tests.cluster.source.settings import Settings

CONTROL_GROUPS = Path("/sys/fs/cgroup")
CONTAINER_LOGS = Path("/var/log/containers")
NETWORK_RESULTS = Path("/var/lib/cni/results")


def remove(settings: Settings) -> None:
    """Remove the kubelet's empty control groups, links to our pods' logs, and the results of our network."""
    for root in (CONTROL_GROUPS / "kubepods", *CONTROL_GROUPS.glob("*/kubepods")):
        for folder, _, _ in os.walk(root, topdown=False):
            Path(folder).rmdir()  # the kernel refuses while a process is in it
    for link in CONTAINER_LOGS.glob("*.log"):
        if link.is_symlink() and link.readlink().is_relative_to(settings.state):
            link.unlink()
    for result in NETWORK_RESULTS.glob(f"{POD_NETWORK}-*-eth0"):
        sandbox = result.name.removeprefix(f"{POD_NETWORK}-").removesuffix("-eth0")
        (NETWORK_RESULTS / f"cni-loopback-{sandbox}-lo").unlink(missing_ok=True)
        result.unlink()
