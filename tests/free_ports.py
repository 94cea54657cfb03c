"""Ports for processes that cannot be handed a socket."""

import contextlib
import random
import socket

PORTS = range(10_000, 30_000)
"""Below Linux's ephemeral ports (32768 and up, ip(7)), so that no outgoing connection takes one before the
process listens, and below the node ports of Kubernetes (30000 and up)."""

SPARE = 1000
"""How many more are tried than are asked for. To draw all of them took longer than to find one."""


def free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 that nobody listens on now, no two of them the same."""
    found: list[int] = []
    for port in random.SystemRandom().sample(PORTS, count + SPARE):
        with contextlib.suppress(OSError):
            socket.create_server(("127.0.0.1", port)).close()
            found.append(port)
        if len(found) == count:
            return found
    where = f"ports of 127.0.0.1 from {PORTS.start} to {PORTS.stop - 1}"
    raise OSError(f"of {count + SPARE} {where} fewer than {count} are free")
