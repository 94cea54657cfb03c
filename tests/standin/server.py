"""Runs the stand-in over TLS: for good, or in a thread for the time of a test."""

import http.client
import socket
import ssl
import struct
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .app import StandinApp
from .http_exchange import CLOSE, RESET
from .records import Recorded
from .tls import TlsFiles, ensure_tls

DEFAULT_API_KEY = "standin-test-key"

STOP_TIMEOUT_S = 10.0
CALL_TIMEOUT_S = 10.0

_LINGER_0 = struct.pack("ii", 1, 0)
"""SO_LINGER on, 0 s: closing sends RST."""


class StandinProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1, which also lets the application end a connection, and ends all of them to stop."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {
            CLOSE: {"disconnect": self.transport.close},
            RESET: {"disconnect": self._reset},
        }

    def shutdown(self) -> None:
        self.transport.abort()

    def _reset(self) -> None:
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_0)
        self.transport.abort()


def make_server(tls: TlsFiles, api_key: str, **options: Any) -> uvicorn.Server:
    """Make the server, not yet listening; `options` go to uvicorn.Config. Raises OSError, ssl.SSLError."""
    config = uvicorn.Config(
        StandinApp(api_key, time.time),
        http=StandinProtocol,
        loop="asyncio",  # its transports give the real socket, which a reset needs
        ws="none",
        lifespan="off",
        server_header=False,
        ssl_certfile=tls.certificate,
        ssl_keyfile=tls.key,
        timeout_graceful_shutdown=1,
        **options,
    )
    config.load()
    return uvicorn.Server(config)


@dataclass(frozen=True, slots=True)
class Standin:
    """A running stand-in, here or elsewhere. `url` is also the base URL of the Anthropic SDK."""

    url: str
    ca_file: Path
    api_key: str = DEFAULT_API_KEY

    @property
    def openai_base_url(self) -> str:
        return f"{self.url}/v1"

    def ssl_context(self) -> ssl.SSLContext:
        """A client's context that trusts this authority alone."""
        return ssl.create_default_context(cafile=self.ca_file)

    def requests(self) -> list[Recorded]:
        """What it received since `forget`, oldest first, at most the last 500."""
        return [Recorded(**fields) for fields in self._call("GET")["requests"]]

    def total(self) -> int:
        """How many requests it received since `forget`."""
        total: int = self._call("GET")["total"]
        return total

    def forget(self) -> None:
        """Drop the record and every count of `-first-N`."""
        self._call("DELETE")

    def _call(self, method: str) -> Any:
        address = urlsplit(self.url)
        connection = http.client.HTTPSConnection(
            address.hostname or "", address.port, timeout=CALL_TIMEOUT_S, context=self.ssl_context()
        )
        try:
            connection.request(method, "/standin/requests")
            response = connection.getresponse()
            if response.status != http.client.OK:
                raise RuntimeError(f"{method} {self.url}/standin/requests: status {response.status}")
            return orjson.loads(response.read())
        finally:
            connection.close()


@contextmanager
def standin_thread(
    tls_dir: Path, *, api_key: str = DEFAULT_API_KEY, names: Sequence[str] = ()
) -> Iterator[Standin]:
    """Run a stand-in on a free port of 127.0.0.1 in its own thread, so that blocking clients work too."""
    tls = ensure_tls(tls_dir, names, now=datetime.now(UTC))
    server = make_server(tls, api_key, log_config=None)
    # Listening before the thread starts: a client that is faster than it waits in the backlog.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],), name="cloud-standin", daemon=True)
        thread.start()
        try:
            yield Standin(f"https://127.0.0.1:{listener.getsockname()[1]}", tls.ca, api_key)
        finally:
            server.should_exit = True
            thread.join(STOP_TIMEOUT_S)
    if thread.is_alive():
        raise RuntimeError(f"the stand-in's thread did not stop within {STOP_TIMEOUT_S:g} s")


@asynccontextmanager
async def running_standin(
    tls_dir: Path, *, api_key: str = DEFAULT_API_KEY, names: Sequence[str] = ()
) -> AsyncIterator[Standin]:
    """`standin_thread` for `async with`."""
    with standin_thread(tls_dir, api_key=api_key, names=names) as standin:
        yield standin
