"""Who listens on the ports that the cluster needs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

LISTENING = "0A"
"""TCP_LISTEN in the `st` column of /proc/net/tcp."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening TCP socket; `address` is None when it listens on all."""

    address: str | None
    port: int
    inode: str


def taken(needed: Mapping[str, tuple[tuple[str, int], ...]]) -> Iterator[str]:
    """Yield, for each needed socket that somebody else has, which it is and who has it."""
    found = [
        listener
        for table in ("tcp", "tcp6")
        if (file := Path("/proc/net") / table).exists()
        for listener in parse(file.read_text())
    ]
    for component, sockets in needed.items():
        for address, port in sockets:
            for listener in found:
                if listener.port == port and listener.address in {None, address}:
                    yield f"{address}:{port} (for {component}) is held by {_holder(listener.inode)}"


def parse(table: str) -> list[Listener]:
    """Read the listening sockets of /proc/net/tcp or tcp6 (proc_pid_net(5))."""
    listeners = []
    for line in table.splitlines()[1:]:
        fields = line.split()
        if fields[3] == LISTENING:
            address, port = fields[1].split(":")
            listeners.append(Listener(_address(address), int(port, 16), fields[9]))
    return listeners


def _address(digits: str) -> str | None:
    """Decode the kernel's form: 32-bit words in the machine's byte order (little-endian on all we run on)."""
    raw = bytes.fromhex(digits)
    packed = b"".join(raw[start : start + 4][::-1] for start in range(0, len(raw), 4))
    address = IPv4Address(packed) if len(packed) == 4 else IPv6Address(packed)
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return None if address.is_unspecified else str(address)


def _holder(inode: str) -> str:
    """Name the process that has the socket open; only root sees those of others."""
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(link.readlink()) == f"socket:[{inode}]":
                pid = link.parts[2]
                return f"{Path('/proc', pid, 'comm').read_text().strip()} (pid {pid})"
        except OSError:
            continue  # it ended meanwhile, or is not ours to see
    return "another program"
