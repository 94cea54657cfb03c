"""What the stand-in received: bounded, in memory, keys as digests."""

import hashlib
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

MAX_RECORDS = 500
MAX_BODY_BYTES = 64 * 1024
MAX_HEADERS = 100
MAX_HEADER_CHARS = 1024
"""Bounds of the record: 32 MiB of bodies at most, whatever a test sends."""

SECRET_HEADERS = frozenset({"authorization", "x-api-key", "proxy-authorization", "cookie"})

ANSWERED, REFUSED, BROKEN, CLIENT_LEFT = "answered", "refused", "broken", "client_left"
"""How an exchange ended: in full, with an error status, by a fault, by the client."""


@dataclass(slots=True)
class Recorded:
    """One request. `body` is as received, other bytes than UTF-8 escaped; no `outcome` while in progress."""

    method: str
    path: str
    headers: dict[str, str]
    body: str = ""
    body_bytes: int = 0
    outcome: str | None = None


class Records:
    """The last requests, oldest first, and how many there were."""

    def __init__(self) -> None:
        self._last: deque[Recorded] = deque(maxlen=MAX_RECORDS)
        self._total = 0

    def begin(self, method: str, path: str, headers: Iterable[tuple[str, str]]) -> Recorded:
        """Note a request before its body is read, so that an unfinished one shows too."""
        kept = {name: _shown(name, value) for name, value in list(headers)[:MAX_HEADERS]}
        record = Recorded(method, path[:MAX_HEADER_CHARS], kept)
        self._last.append(record)
        self._total += 1
        return record

    def forget(self) -> None:
        self._last.clear()
        self._total = 0

    def as_json(self) -> dict[str, Any]:
        return {"total": self._total, "requests": [asdict(record) for record in self._last]}


def key_digest(key: str) -> str:
    """How a key is shown: enough to tell keys apart, not to use one."""
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()[:12]


def _shown(name: str, value: str) -> str:
    if name not in SECRET_HEADERS:
        return value[:MAX_HEADER_CHARS]
    scheme, space, key = value.partition(" ")
    return f"{scheme} {key_digest(key)}" if space else key_digest(value)
