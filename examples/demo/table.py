"""The demo's closing table, for a person at a terminal."""

import sys
from collections.abc import Iterable

from rich.table import Table

from examples.demo.scenario import Answer

LOG_WIDTH = 160
"""Columns where no terminal says how wide it is."""


def console_width() -> int | None:
    """Return a width where the output is no terminal; None: as wide as the terminal."""
    return None if sys.stdout.isatty() else LOG_WIDTH


def answers_table(answers: Iterable[Answer], currency: str) -> Table:
    """Show for each request its task, the route that matched, who answered, privacy, latency and cost."""
    table = Table(
        title="Who answered what", caption=f"cost in {currency}, at the policy's prices", expand=False
    )
    for name in ("client", "task", "model", "route", "answered by", "privacy"):
        table.add_column(name)
    table.add_column("latency", justify="right")
    table.add_column("cost", justify="right")
    table.add_column("answer", overflow="ellipsis", max_width=34, no_wrap=True)
    for answer in answers:
        question = answer.question
        table.add_row(
            question.client + (" (stream)" if question.stream else ""),
            (question.task or "-") + (f" ({answer.note})" if answer.note else ""),
            question.model,
            answer.route,
            _coloured(answer.backend),
            answer.privacy + (" (asked for)" if question.strict else ""),
            f"{answer.latency_s * 1000:.0f} ms",
            "-" if answer.cost is None else f"{answer.cost:.6f}",
            answer.detail,
        )
    return table


def _coloured(backend: str) -> str:
    colour = {"pool": "green", "cloud": "yellow"}.get(backend.partition("/")[0], "red")
    return f"[{colour}]{backend}[/{colour}]"
