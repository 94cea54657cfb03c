"""What both raw applications, gateway and bridge, share: the words of ASGI 3, and a client that is gone."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


class ClientGoneError(Exception):
    """The client left before its answer was complete: nobody is there to be told."""


async def until_client_gone(receive: Receive) -> None:
    """Wait for the client to leave. Only after its body was read."""
    while (await receive())["type"] != "http.disconnect":
        pass
