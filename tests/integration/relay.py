"""A TCP relay that a test can cut or silence: the network between two real parties."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Relay:
    """A running relay."""

    target: tuple[str, int]
    connect_proxy: bool
    port: int = 0
    connections: int = 0
    """Accepted so far."""
    asked_for: list[str] = field(default_factory=list)
    """As a CONNECT proxy: the addresses that clients named."""
    carried: bytearray = field(default_factory=bytearray)
    """All bytes that clients sent through."""

    refuse: bool = False
    """Close new connections at once."""
    writers: set[asyncio.StreamWriter] = field(default_factory=set)
    muted: set[asyncio.StreamWriter] = field(default_factory=set)

    def cut(self) -> None:
        """Break every connection."""
        for writer in self.writers:
            writer.transport.abort()

    def mute(self) -> None:
        """Swallow from now on what the present connections carry: half-open ones. New ones are well."""
        self.muted |= self.writers

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self.refuse:
            writer.transport.abort()
            return
        if self.connect_proxy:
            head = await reader.readuntil(b"\r\n\r\n")
            self.asked_for.append(head.split(b" ")[1].decode())
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        there_reader, there_writer = await asyncio.open_connection(*self.target)
        pair = {writer, there_writer}
        self.writers |= pair
        try:
            await asyncio.gather(
                self._pass_on(reader, there_writer, count=True),
                self._pass_on(there_reader, writer, count=False),
            )
        finally:
            for each in pair:
                each.transport.abort()
            self.writers -= pair

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, count: bool
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                if count:
                    self.carried += data
                if writer not in self.muted:
                    writer.write(data)
                    await writer.drain()
            if writer not in self.muted and writer.can_write_eof():
                writer.write_eof()


@asynccontextmanager
async def relaying(
    target_host: str, target_port: int, *, host: str = "127.0.0.1", connect_proxy: bool = False
) -> AsyncIterator[Relay]:
    """Relay a free port of `host` to the target, as it is or as an HTTP CONNECT proxy."""
    relay = Relay((target_host, target_port), connect_proxy)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(relay.handle(reader, writer))
        tasks.add(task)

    server = await asyncio.start_server(accept, host, 0)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
