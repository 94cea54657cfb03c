"""Misbehaviour on demand: the grammar of a fault and the counts of `-first-N`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .errors import RefusedError

MODEL_PREFIX = "standin-"
"""A model whose name begins so asks for the fault that the rest names."""

NAMES = (
    *("400", "401", "403", "404", "413", "429", "500", "503", "529"),
    *("slow", "slow-stream", "reset", "cut", "malformed", "error-midstream"),
)

DEFAULT_RETRY_AFTER_S = 1
DEFAULT_FIRST_BYTE_S = 2.0
DEFAULT_DELTA_S = 0.5
DEFAULT_DELTAS = 2

MAX_COUNTS = 1000
"""Different `-first-N` faults counted at a time; the oldest count is dropped beyond."""

_SPEC = re.compile(
    r"""
    (?: (?P<status> 400|401|403|404|413|429|500|503|529 ) (?: - (?P<retry_after_s> \d{1,5} ) s )?
      | (?P<delay> slow|slow-stream ) (?: - (?P<delay_s> \d{1,5} (?: \.\d{1,3} )? ) s )?
      | (?P<breakage> cut|malformed|error-midstream ) (?: -after- (?P<deltas> \d{1,5} ) )?
      | (?P<reset> reset )
    )
    (?: -first- (?P<first> \d{1,5} ) )?
    (?: -- (?P<label> .* ) )?
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one answer. Nothing, by default."""

    status: int | None = None
    retry_after_s: int | None = None
    first_byte_s: float = 0.0
    delta_s: float = 0.0
    """Pause before each content delta."""
    breakage: str | None = None
    """`cut`, `malformed` or `error-midstream`, after `deltas` content deltas."""
    deltas: int = DEFAULT_DELTAS
    reset: bool = False


HEALTHY = Fault()


class Faults:
    """Chooses the fault of each request; only `-first-N` makes it remember anything."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def choose(self, model: str | None, header: str | None) -> Fault:
        """Choose by the header, else by the model's name. Raises RefusedError."""
        if header is not None:
            return self._counted(header)
        if model is not None and model.startswith(MODEL_PREFIX):
            return self._counted(model.removeprefix(MODEL_PREFIX))
        return HEALTHY

    def forget(self) -> None:
        """Start every count again."""
        self._seen.clear()

    def _counted(self, spec: str) -> Fault:
        fault, first = parse(spec)
        if first is None:
            return fault
        seen = self._seen.get(spec, 0)
        if spec not in self._seen and len(self._seen) >= MAX_COUNTS:
            del self._seen[next(iter(self._seen))]
        self._seen[spec] = seen + 1
        return fault if seen < first else HEALTHY


def parse(spec: str) -> tuple[Fault, int | None]:
    """Read `NAME[-SECONDSs][-after-N][-first-N][--LABEL]` as a fault and the N of `-first-N`.

    Raises RefusedError.
    """
    match = _SPEC.fullmatch(spec)
    if match is None:
        known = ", ".join(NAMES)
        raise RefusedError(
            404, f"no fault {spec!r}: name one of {known}, with options as tests/standin/README.md lists"
        )
    first = match["first"]
    return _fault(match), None if first is None else int(first)


def _fault(match: re.Match[str]) -> Fault:
    if match["status"]:
        status = int(match["status"])
        default = DEFAULT_RETRY_AFTER_S if status == 429 else None
        return Fault(
            status=status, retry_after_s=int(match["retry_after_s"]) if match["retry_after_s"] else default
        )
    if match["delay"] == "slow":
        return Fault(first_byte_s=float(match["delay_s"] or DEFAULT_FIRST_BYTE_S))
    if match["delay"]:
        return Fault(delta_s=float(match["delay_s"] or DEFAULT_DELTA_S))
    if match["breakage"]:
        return Fault(breakage=match["breakage"], deltas=int(match["deltas"] or DEFAULT_DELTAS))
    return Fault(reset=True)


def break_at(is_content: Sequence[bool], deltas: int) -> int:
    """Index of the event that a breakage replaces: the one after `deltas` content deltas.

    An answer with fewer deltas breaks right after its last one.
    """
    content = [index for index, holds_content in enumerate(is_content) if holds_content]
    if deltas < len(content):
        return content[deltas]
    return content[-1] + 1 if content else 0
