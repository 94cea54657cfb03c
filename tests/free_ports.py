"""Ports for processes that cannot be handed a socket."""

import contextlib
import socket


def free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 that nobody listens on now, no two of them the same."""
    with contextlib.ExitStack() as probes:
        sockets = [probes.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [probe.getsockname()[1] for probe in sockets]
