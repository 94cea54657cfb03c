"""docs/translation.md prints the tables of rules as they are."""

from pathlib import Path
from typing import Final

import pytest
from drawbridge_gateway.bridge.translate.requests_to_anthropic import DEFAULT_MAX_TOKENS, THINKING_TOKENS
from drawbridge_gateway.bridge.translate.rules import ANYWHERE, Fate, Rules
from drawbridge_gateway.bridge.translate.rules_from_anthropic import RULES as FROM_ANTHROPIC
from drawbridge_gateway.bridge.translate.rules_from_openai import RULES as FROM_OPENAI
from drawbridge_gateway.dataplane.exchange import MAX_NAMED_FIELDS

DOCS = Path(__file__).parents[5] / "docs"
PAGE = (DOCS / "translation.md").read_text()

NOTES: Final = {Fate.KEPT: "becomes", Fate.LOST: "why", Fate.REFUSED: "what to do"}


def tables(rules: Rules) -> str:
    """Render the rules, one table for each fate."""
    lines: list[str] = []
    for fate in Fate:
        lines += [f"| {fate} | {NOTES[fate]} |", "|---|---|"]
        lines += [
            f"| `{path.removeprefix(ANYWHERE)}` | {rule.note} |"
            for path, rule in rules.items()
            if rule.fate is fate
        ]
        lines.append("")
    return "\n".join(lines)


@pytest.mark.parametrize("rules", [FROM_OPENAI, FROM_ANTHROPIC], ids=["from OpenAI", "from Anthropic"])
def test_the_page_holds_the_tables(rules: Rules) -> None:
    assert tables(rules) in PAGE, f"put this into docs/translation.md:\n{tables(rules)}"


def test_the_page_names_the_numbers() -> None:
    assert f"{DEFAULT_MAX_TOKENS}" in PAGE
    assert ", ".join(f"{effort} {tokens}" for effort, tokens in THINKING_TOKENS.items()) in PAGE


def test_both_pages_say_how_many_names_the_header_holds() -> None:
    for page in (PAGE, (DOCS / "http-api.md").read_text()):
        assert f"at most {MAX_NAMED_FIELDS} names" in page
