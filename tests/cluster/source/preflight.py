"""What the cluster from source needs of a machine, found out before anything starts and told all at once."""

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Final

from tests.cluster import binaries, room
from tests.cluster.cache import cache_dir
from tests.cluster.interface import NoClusterError
from tests.cluster.progress import run, step
from tests.cluster.room import GIB
from tests.cluster.source import lifecycle, listeners
from tests.cluster.source.settings import NODE_BRIDGE, POD_BRIDGE, PORTS, TEST_RANGE, Settings

COLD_DISK_BYTES: Final = 25 * GIB
"""Go's caches 10 GiB, binaries 1, images 4 where they are built, 5 where they run, 2 between; 3 to spare."""

WARM_DISK_BYTES: Final = 4 * GIB

COLD_MEMORY_BYTES: Final = 6 * GIB
"""For the Go compiler and linker; the cluster itself takes 1.1 GiB, an engine beside it 1.3."""

WARM_MEMORY_BYTES: Final = 3 * GIB

LONGEST_SOCKET_PATH: Final = 107
"""Bytes in sockaddr_un's path, less the closing zero."""

DEBIAN_PACKAGES: Final[Mapping[str, str]] = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "iptables": "iptables",
    "ipset": "ipset",
    "ip": "iproute2",
    "buildah": "buildah",
    "debootstrap": "debootstrap",
}
"""Which package brings which command; buildah and debootstrap make our images where there is no Docker."""

CNI_PLUGINS_PACKAGE: Final = "containernetworking-plugins"

KEYRING_PACKAGE: Final = "debian-archive-keyring"
KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
"""What debootstrap verifies Debian with; on Ubuntu a package of its own."""

CAPABILITIES: Final = {"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21}
"""Rights that root lacks in most containers, by bit (linux/capability.h)."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The facts that decide whether the cluster can run."""

    system: str
    processor: str
    is_root: bool
    capabilities: int
    missing_packages: frozenset[str]
    has_apt: bool
    short_of: tuple[str, ...]
    socket_path: str
    overlay_on_overlay: bool
    missing_kernel_features: tuple[str, ...]
    foreign_networks: tuple[str, ...]
    taken_ports: tuple[str, ...]


def prepare(settings: Settings) -> None:
    """See that the machine will do, and install the Debian packages that it lacks.

    Raises:
        NoClusterError: all that is wrong, each with its remedy.
    """
    machine = look(settings)
    if found := problems(machine):
        raise NoClusterError("\n".join(["this machine cannot run the cluster from source:", *found]))
    if machine.missing_packages:
        with step(f"install Debian packages: {' '.join(sorted(machine.missing_packages))}"):
            _install(sorted(machine.missing_packages))


def problems(machine: Machine) -> list[str]:
    """Judge: one line for each thing that is wrong and what to do about it; empty when nothing is."""
    lines = [*_machine_problems(machine), *machine.short_of, *_cache_problems(machine)]
    if machine.missing_packages and not machine.has_apt:
        names = " ".join(sorted(machine.missing_packages))
        lines.append(f"commands are missing: install what Debian calls {names}")
    lines += [
        f"the kernel lacks {feature}: use a machine (not a container) whose kernel has it"
        for feature in machine.missing_kernel_features
    ]
    lines += [
        f"addresses of {TEST_RANGE} are in use ({network}): stop what uses them, a VPN or proxy perhaps"
        for network in machine.foreign_networks
    ]
    lines += [f"port in use: {port}: stop it" for port in machine.taken_ports]
    return lines


def _machine_problems(machine: Machine) -> list[str]:
    if machine.system != "Linux":
        return [f"{machine.system} is not Linux: install Docker, then kind is used"]
    lines = []
    if machine.processor not in {"x86_64", "aarch64"}:
        lines.append(f"no programs for processor {machine.processor}: use x86_64 or aarch64")
    if not machine.is_root:
        lines.append("not root: run with sudo, or install Docker, then kind is used")
    elif lacking := [name for name, bit in CAPABILITIES.items() if not machine.capabilities >> bit & 1]:
        lines.append(f"root without {', '.join(lacking)}: use a machine, or a privileged container")
    return lines


def _cache_problems(machine: Machine) -> list[str]:
    lines = []
    path = machine.socket_path
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH or not _is_plain(path):
        lines.append(
            f"the cache's path is too long for sockets, or holds spaces or quotes ({path}):"
            " let DRAWBRIDGE_CACHE name a shorter, plain one"
        )
    if machine.overlay_on_overlay:
        lines.append(
            "the cache lies on an overlay file system, which cannot carry images:"
            " let DRAWBRIDGE_CACHE name a folder on a real disk"
        )
    return lines


def _is_plain(path: str) -> bool:
    return not any(character.isspace() or character in "\"'\\" for character in path)


def look(settings: Settings) -> Machine:
    """Gather the facts; changes nothing, except that it may load kernel modules."""
    cache = cache_dir()
    existing = next(folder for folder in (cache, *cache.parents) if folder.exists())
    alive = lifecycle.running(settings)
    needed = {component: sockets for component, sockets in PORTS.items() if component not in alive}
    is_linux = platform.system() == "Linux"
    return Machine(
        system=platform.system(),
        processor=platform.machine(),
        is_root=os.geteuid() == 0,
        capabilities=_capabilities() if is_linux else 0,
        missing_packages=frozenset(_missing_packages()),
        has_apt=shutil.which("apt-get") is not None,
        short_of=tuple(_short_of(cache)) if is_linux and needed else (),  # what runs has its room
        socket_path=f"{settings.socket}.ttrpc",
        overlay_on_overlay=is_linux and _file_system(existing) == "overlay",
        missing_kernel_features=_missing_kernel_features() if is_linux else (),
        foreign_networks=_foreign_networks() if shutil.which("ip") else (),
        taken_ports=tuple(listeners.taken(needed)) if is_linux else (),
    )


def _short_of(cache: Path) -> list[str]:
    if all(binaries.is_built(name) for name in lifecycle.PROGRAMS):
        return room.problems(cache, disk_bytes=WARM_DISK_BYTES, memory_bytes=WARM_MEMORY_BYTES)
    return room.problems(cache, disk_bytes=COLD_DISK_BYTES, memory_bytes=COLD_MEMORY_BYTES)


def _missing_packages() -> list[str]:
    missing = [package for command, package in DEBIAN_PACKAGES.items() if shutil.which(command) is None]
    if lifecycle.cni_plugins() is None:
        missing.append(CNI_PLUGINS_PACKAGE)
    if not KEYRING.exists():
        missing.append(KEYRING_PACKAGE)
    return missing


def _install(packages: list[str]) -> None:
    log = cache_dir() / "logs" / "apt-get.log"
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update"], log=log, environment=quiet)
    wait_for_others = "--option=DPkg::Lock::Timeout=120"  # seconds; a new machine installs its own updates
    command = ["apt-get", "install", "--yes", "--no-install-recommends", wait_for_others, *packages]
    run(command, log=log, environment=quiet)


def _capabilities() -> int:
    fields = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields["CapEff"], 16)


def _file_system(path: Path) -> str:
    """Return the type of the file system that holds `path`: of its longest mount point, the last mounted."""
    mounts = [line.split()[1:3] for line in Path("/proc/self/mounts").read_text().splitlines()]
    holding = [(len(point), kind) for point, kind in mounts if path.resolve().is_relative_to(point)]
    longest = max(length for length, _ in holding)
    return [kind for length, kind in holding if length == longest][-1]


def _missing_kernel_features() -> tuple[str, ...]:
    modules = ("overlay", "br_netfilter")
    if shutil.which("modprobe"):
        for module in modules:
            subprocess.run(["modprobe", module], capture_output=True, check=False)  # judged by what is below
    present = {
        "overlay": "overlay" in Path("/proc/filesystems").read_text().split(),
        "br_netfilter": Path("/proc/sys/net/bridge/bridge-nf-call-iptables").exists(),
    }
    return tuple(module for module in modules if not present[module])


def _foreign_networks() -> tuple[str, ...]:
    """Return the routes of others into our range, such as those of a VPN."""
    listed = subprocess.run(
        ["ip", "-4", "route", "show", "table", "all"], capture_output=True, text=True, check=True
    )
    return tuple(foreign_routes(listed.stdout))


def foreign_routes(table: str) -> list[str]:
    """Return the lines of `ip route`'s output into TEST_RANGE that do not belong to our bridges."""
    ours = ip_network(TEST_RANGE)
    found = []
    for line in table.splitlines():
        words = line.split()
        target = (
            words[1]
            if words[0] in {"local", "broadcast", "unicast", "blackhole", "unreachable"}
            else words[0]
        )
        into_ours = target != "default" and ip_network(target, strict=False).overlaps(ours)
        if into_ours and not {POD_BRIDGE, NODE_BRIDGE} & set(words):
            found.append(line.strip())
    return found
