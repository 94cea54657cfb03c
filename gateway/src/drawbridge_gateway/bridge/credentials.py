"""The API keys of clouds: read by name when first needed, kept for a minute, never written anywhere."""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from drawbridge_crds.reports import CredentialState
from drawbridge_crds.values import SecretKeyRef

from drawbridge_gateway.errors import DrawbridgeError

READABLE_FOR_S: Final = 60.0
"""How long a key is used before it is read again: a rotated or withdrawn key is out of use after a minute."""

UNREADABLE_FOR_S: Final = 5.0
"""How long a failure stands, or a key that the provider refuses: what a person has just made or mended is
seen soon, and requests that fail meanwhile cost no read each."""

_HEADER_SAFE: Final = re.compile(r"[!-~]{1,4096}")
"""Printable ASCII without spaces, as keys of all known providers are."""


class CredentialError(DrawbridgeError):
    """A key cannot be read. The message names the Secret and the fix, and no part of any key."""

    def __init__(self, state: CredentialState, message: str) -> None:
        super().__init__(message)
        self.state = state


@dataclass(frozen=True, slots=True)
class Credential:
    """An API key and what may be shown of it."""

    key: str = field(repr=False)

    @property
    def digest(self) -> str:
        """Tell two keys apart without keeping them."""
        return hashlib.sha256(self.key.encode()).hexdigest()


@dataclass(slots=True)
class _Read:
    """One reading of a key, and how long it stands."""

    task: asyncio.Task[Credential]
    began_s: float
    refused: bool = False

    def is_stale(self, now_s: float) -> bool:
        if not self.task.done():
            return False
        bad = self.refused or self.task.cancelled() or self.task.exception() is not None
        return now_s >= self.began_s + (UNREADABLE_FOR_S if bad else READABLE_FOR_S)


ReadSecret = Callable[[str, SecretKeyRef], Awaitable[str]]
"""Read one key of a tenant; raises CredentialError."""


class Credentials:
    """Keeps what `read` returned for a while; many requests at once cause one read."""

    def __init__(self, read: ReadSecret, *, clock: Callable[[], float]) -> None:
        self._read = read
        self._clock = clock
        self._reads: dict[tuple[str, str, str], _Read] = {}

    async def credential(self, tenant: str, ref: SecretKeyRef) -> Credential:
        """Return a tenant's key.

        Raises:
            CredentialError: when it cannot be read.
        """
        name = (tenant, ref.name, ref.key)
        now = self._clock()
        self._reads = {n: read for n, read in self._reads.items() if not read.is_stale(now)}
        if name not in self._reads:
            self._reads[name] = _Read(asyncio.create_task(self._read_one(tenant, ref)), now)
        # shielded: a client that leaves must not cancel the read that others wait for
        return await asyncio.shield(self._reads[name].task)

    def refused(self, tenant: str, ref: SecretKeyRef) -> None:
        """Read this key again soon: the provider refused it."""
        if read := self._reads.get((tenant, ref.name, ref.key)):
            read.refused = True

    async def _read_one(self, tenant: str, ref: SecretKeyRef) -> Credential:
        return Credential(checked_key(await self._read(tenant, ref), tenant, ref))


def checked_key(text: str, tenant: str, ref: SecretKeyRef) -> str:
    """Return a key without surrounding white space (files and `echo` add a newline).

    Raises:
        CredentialError: when it cannot be sent in a header.
    """
    key = text.strip()
    if not _HEADER_SAFE.fullmatch(key):
        raise CredentialError(
            CredentialState.ERROR,
            f'key "{ref.key}" of Secret "{ref.name}" in namespace "{tenant}" is not an API key: it must be '
            "printable ASCII without spaces",
        )
    return key
