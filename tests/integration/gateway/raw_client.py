"""A client that writes its own bytes: what no HTTP library would send."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.integration.gateway.conftest import World
from tests.integration.gateway.servers import WAIT_S
from tests.unit.drawbridge_gateway import policies

PATH = "/v1/chat/completions"
BODY = json.dumps({"model": "auto", "messages": [{"role": "user", "content": "hi"}]}).encode()
KEY = f"authorization: Bearer {policies.KEY.secret}"
JSON = "content-type: application/json"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """A client that says exactly what it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self) -> Answer:
        async with asyncio.timeout(WAIT_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.split("\r\n")
            headers = {
                name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)
            }
            body = await self.reader.readexactly(int(headers["content-length"]))
            return Answer(int(first.split()[1]), headers, body)

    async def is_closed(self) -> bool:
        """Tell whether the gateway closes the connection without another word."""
        async with asyncio.timeout(WAIT_S):
            try:
                return await self.reader.read(1) == b""
            except ConnectionResetError:
                return True


@asynccontextmanager
async def client(world: World) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection(world.endpoint.host, world.endpoint.port)
    try:
        yield Client(reader, writer)
    finally:
        writer.transport.abort()


def request(
    *headers: str, body: bytes = BODY, line: str = f"POST {PATH} HTTP/1.1", sized: bool = True
) -> bytes:
    length = [f"content-length: {len(body)}"] if sized else []
    return "\r\n".join([line, "host: gateway", *headers, *length, "", ""]).encode("latin-1") + body


GOOD = request(KEY, JSON)
