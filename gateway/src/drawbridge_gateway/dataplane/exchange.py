"""One request on its way, with all that its attempts share."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from drawbridge_gateway.dataplane.account import Record
from drawbridge_gateway.dataplane.reply import Header, Reply
from drawbridge_gateway.dataplane.request import ChatRequest
from drawbridge_gateway.dataplane.route import Plan
from drawbridge_gateway.dataplane.tenant import Cloud, Pool, Tenant
from drawbridge_gateway.upstream.client import Call

MAX_NAMED_FIELDS: Final = 16
"""Of x-drawbridge-dropped-fields. Our choice."""

_NAMEABLE_FIELD: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(slots=True)
class Exchange:
    """A request that may be answered, its plan, and its answer so far."""

    tenant: Tenant
    plan: Plan
    request: ChatRequest
    reply: Reply
    record: Record
    call: Call | None = field(default=None, init=False)
    """To the backend that works on it now."""
    client_gone: bool = field(default=False, init=False)
    lost: tuple[str, ...] = field(default=(), init=False)
    """Fields that the bridge could not say to the cloud that works on it now."""

    def turn_to(self, target: Pool | Cloud) -> None:
        """Let another backend work on it."""
        self.record.target, self.lost = target, ()

    def begin_call(self, call: Call) -> None:
        """Let `call` be what ends when the client leaves; at once, if it has left already."""
        self.call = call
        if self.client_gone:
            call.abandon()

    def abandon(self) -> None:
        """Stop working for a client that left: its backend is free at once."""
        self.client_gone = True
        if self.call is not None:
            self.call.abandon()

    def headers(self) -> tuple[Header, ...]:
        """Say how the answer came about."""
        headers = [
            (b"x-drawbridge-route", self.plan.route.encode()),
            (b"x-drawbridge-privacy", self.plan.privacy.encode()),
        ]
        target = self.record.target
        if target is not None:
            headers.append((b"x-drawbridge-backend", self.record.backend.encode()))
            if dropped := (*self.request.dropped_for(target), *self.lost):
                headers.append((b"x-drawbridge-dropped-fields", _list_names(dropped)))
        return tuple(headers)


def _list_names(names: Sequence[str]) -> bytes:
    """Write names that a client chose into a header: only those that look like names, and not too many."""
    nameable = [name for name in names if _NAMEABLE_FIELD.fullmatch(name)][:MAX_NAMED_FIELDS]
    others = len(names) - len(nameable)
    return ", ".join([*nameable, *([f"and {others} more"] if others else [])]).encode()
