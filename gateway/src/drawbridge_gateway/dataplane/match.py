"""What of a request decides its route, and whether it fits one match. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from drawbridge_crds.route import Match, Tools

BYTES_PER_TOKEN: Final = 4
"""Of the estimate that `inputTokens` is held against: English text and code have 3 to 5."""


class Asked(NamedTuple):
    """What of a request decides its route."""

    model: str
    body_bytes: int = 0
    has_tools: bool = False
    header: Callable[[bytes], bytes | None] = lambda _: None
    """Returns the value of a header field by its name in lower case."""

    strict: bool = False
    """Header x-drawbridge-privacy: strict."""

    key_models: frozenset[str] | None = None
    """Models the key may ask for; None: all."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """A match in the form that requests are held against. What is empty or None holds for all."""

    tasks: frozenset[str]
    models: frozenset[str]
    least_bytes: int
    most_bytes: int | None
    has_tools: bool | None
    headers: tuple[tuple[bytes, bytes], ...]

    def fits(self, asked: Asked, task: str | None) -> bool:
        """Tell whether all of it holds."""
        return (
            (not self.tasks or task in self.tasks)
            and (not self.models or asked.model in self.models)
            and self.least_bytes <= asked.body_bytes
            and (self.most_bytes is None or asked.body_bytes <= self.most_bytes)
            and (self.has_tools is None or asked.has_tools is self.has_tools)
            and all(asked.header(name) == value for name, value in self.headers)
        )


def compile_match(match: Match) -> Matcher:
    """Translate a match of the policy."""
    tokens = match.input_tokens
    least = tokens.min if tokens else None
    most = tokens.max if tokens else None
    return Matcher(
        tasks=frozenset(match.tasks),
        models=frozenset(match.models),
        least_bytes=(least or 0) * BYTES_PER_TOKEN,
        most_bytes=None if most is None else most * BYTES_PER_TOKEN + BYTES_PER_TOKEN - 1,
        has_tools=None if match.tools is None else match.tools is Tools.PRESENT,
        headers=tuple((header.name.encode(), header.value.encode()) for header in match.headers),
    )
