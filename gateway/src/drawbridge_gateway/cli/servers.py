"""HTTP servers side by side in one event loop, from start to a clean end."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any, Final

import structlog
import uvicorn

from drawbridge_gateway.cli.http_protocol import BoundedHttpProtocol
from drawbridge_gateway.errors import DrawbridgeError

log = structlog.get_logger(__name__)

KEEPALIVE_S: Final = 75
"""Of idle connections. Longer than load balancers' usual 60 s: theirs must be the side that closes first,
else a request may meet a closing connection."""

BACKLOG: Final = 2048

NOTICE_S: Final = 2.0
"""From SIGTERM, while readiness already fails, to the closing of the listening sockets."""


Site = tuple[Callable[..., Any], socket.socket]
"""An ASGI 3 application and where it listens."""


class ListenError(DrawbridgeError):
    """An address cannot be listened on. Says which, why, and what to do."""


class _Server(uvicorn.Server):
    """Leaves signals to `serve`, which handles them for all servers together."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """Bind an address, "" for all of IPv4 and IPv6. Connections wait until a server takes it over.

    Raises:
        ListenError: when it is taken, or is none of this machine's.
    """
    try:
        both = host == "" and socket.has_dualstack_ipv6()
        family = socket.AF_INET6 if both or ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=both)
    except OSError as error:
        raise ListenError(
            f"cannot listen on {host} port {port}: {error.strerror}; stop what uses it, or take another port"
        ) from error


def _is_no_cancellation(record: logging.LogRecord) -> bool:
    """Tell whether a line of uvicorn's is of anything but a request that the end of a drain cut off.

    That one is meant: its own line has its code, and uvicorn says how many there are.
    """
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


def make_server(app: Callable[..., Any], *, drain_limit_s: float) -> uvicorn.Server:
    """Make a server for an ASGI 3 application, yet without sockets."""
    logging.getLogger("uvicorn.error").addFilter(_is_no_cancellation)  # once: adding it again does nothing
    return _Server(
        uvicorn.Config(
            app,
            http=BoundedHttpProtocol,
            interface="asgi3",
            lifespan="off",
            ws="none",
            access_log=False,
            log_config=None,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEPALIVE_S,
            timeout_graceful_shutdown=round(drain_limit_s),
        )
    )


async def serve(
    sites: Sequence[Site],
    background: Sequence[Coroutine[Any, Any, None]],
    *,
    drain_limit_s: float,
    on_stop: Callable[[], None],
) -> None:
    """Serve each application on its socket until SIGTERM or SIGINT, then end within `drain_limit_s`.

    SIGTERM: `on_stop` (which makes readiness fail), a moment of notice, then requests in progress end.
    SIGINT: the same without the notice. A second signal: at once. `background` is cancelled at the end.
    """
    servers = [make_server(app, drain_limit_s=drain_limit_s) for app, _ in sites]
    with _signals() as signals:
        async with asyncio.TaskGroup() as group:
            serving = [
                group.create_task(server.serve(sockets=[listener]))
                for server, (_, listener) in zip(servers, sites, strict=True)
            ]
            helpers = [group.create_task(work) for work in background]
            received = await signals.get()
            log.info("stopping", signal=received.name)
            on_stop()
            if received is signal.SIGTERM:
                await asyncio.sleep(NOTICE_S)
            await _drain(servers, serving, signals)
            for helper in helpers:
                helper.cancel()


async def _drain(
    servers: Sequence[uvicorn.Server],
    serving: Sequence[asyncio.Task[None]],
    signals: asyncio.Queue[signal.Signals],
) -> None:
    """End the servers with their requests; at once when one more signal comes."""
    for server in servers:
        server.should_exit = True
    again = asyncio.create_task(signals.get())
    await asyncio.wait({again, asyncio.create_task(asyncio.wait(serving))}, return_when="FIRST_COMPLETED")
    for server in servers:
        server.force_exit = again.done()
    again.cancel()


@contextlib.contextmanager
def _signals() -> Iterator[asyncio.Queue[signal.Signals]]:
    queue: asyncio.Queue[signal.Signals] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    handled = (signal.SIGTERM, signal.SIGINT)
    for sig in handled:
        loop.add_signal_handler(sig, queue.put_nowait, sig)
    try:
        yield queue
    finally:
        for sig in handled:
            loop.remove_signal_handler(sig)
