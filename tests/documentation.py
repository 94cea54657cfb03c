"""The documentation as tests see it: its pages, their code blocks, and what is to be done with each block.

A block says by its language what it is:

    bash        commands; each must succeed
    console     commands after `$ `, each followed by what it prints, where `...` stands for anything
    python      a program
    yaml        resources, or with a title a file of any kind
    text        nothing to run: diagrams, layouts

A block with a title (```yaml title="pool.yaml") is saved under that name, as a reader would. All others are
run in the page's order by tests/e2e/test_docs.py, unless right before them stands `<!-- not run: REASON -->`,
or `<!-- run by tests/e2e/NAME.py -->` where a test of its own plays the block and looks at what came of it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]

IN_ORDER = (
    "docs/install.md",
    "docs/first-pool.md",
    "docs/keys.md",
    "docs/clients.md",
    "docs/first-policy.md",
    "docs/troubleshooting.md",
    "docs/compatibility.md",
    "README.md",
    "examples/laptop/README.md",
)
"""Pages with blocks to run, in the order of a newcomer: each may need what earlier ones made."""

RUN = frozenset({"bash", "console", "python", "yaml"})
NOTHING_TO_RUN = frozenset({"text"})

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[^\s`]*)(?: +title=\"(?P<title>[^\"]+)\")? *$")
_MARK = re.compile(r"^ *<!-- (?:not run: (?P<reason>.*?)|run by (?P<test>\S+)) *-->$")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block of a page."""

    page: str
    line: int
    """Of its opening fence, from 1."""

    language: str
    title: str
    """The file it is saved as; "" for none."""

    text: str
    not_run: str | None
    """Why it is not run; None: it is."""

    run_by: str | None
    """The test of its own that runs it, as a path below the root; None: there is none."""

    @property
    def place(self) -> str:
        """Return `PAGE:LINE`, for a person."""
        return f"{self.page}:{self.line}"

    @property
    def is_run(self) -> bool:
        """Tell whether the block, or the file that it becomes, is to work in its place on the page."""
        return self.language in RUN and self.not_run is None and self.run_by is None


def pages() -> list[str]:
    """List the pages whose blocks are held to this."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "charts/README.md"]
    found += [*ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")]
    return sorted(str(path.relative_to(ROOT)) for path in found)


def blocks_of(page: str) -> list[Block]:
    """Read the blocks of a page, in order."""
    return list(read_blocks(page, (ROOT / page).read_text()))


def blocks_run_by(test: str) -> list[Block]:
    """Return the blocks that a test of its own runs; `test` is its `__file__`."""
    name = str(Path(test).relative_to(ROOT))
    return [block for page in pages() for block in blocks_of(page) if block.run_by == name]


def read_blocks(page: str, text: str) -> Iterator[Block]:
    """Read the blocks of a page's text.

    Raises:
        ValueError: a fence is not closed, or says more than a language and a title.
    """
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        if not lines[number].lstrip().startswith("```"):
            number += 1
            continue
        opening = _FENCE.match(lines[number])
        if opening is None or not opening["language"]:
            raise ValueError(f"{page}:{number + 1}: write a language (`text` for a diagram), then a title")
        closing = next((n for n in range(number + 1, len(lines)) if lines[n].strip() == "```"), None)
        if closing is None:
            raise ValueError(f"{page}:{number + 1}: the block is not closed")
        mark = _MARK.match(lines[number - 1]) if number else None
        yield Block(
            page=page,
            line=number + 1,
            language=opening["language"],
            title=opening["title"] or "",
            text="".join(line.removeprefix(opening["indent"]) + "\n" for line in lines[number + 1 : closing]),
            not_run=mark["reason"] if mark else None,
            run_by=mark["test"] if mark else None,
        )
        number = closing + 1


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a console block."""

    script: str
    expected: str
    """What it prints, with `...` for anything; "": whatever it prints."""


def commands(block: Block) -> list[Command]:
    """Split a bash or console block into what is run at a time.

    Raises:
        ValueError: a console block does not begin with a command.
    """
    if block.language == "bash":
        return [Command(block.text, "")]
    found: list[tuple[list[str], list[str]]] = []
    for line in block.text.splitlines():
        goes_on = bool(found) and not found[-1][1] and found[-1][0][-1].endswith("\\")
        if line.startswith("$ "):
            found.append(([line.removeprefix("$ ")], []))
        elif not found:
            raise ValueError(f"{block.place}: a console block begins with `$ ` and a command")
        elif goes_on:
            found[-1][0].append(line)
        else:
            found[-1][1].append(line)
    return [Command("\n".join(script) + "\n", "\n".join(printed)) for script, printed in found]


def matches(expected: str, printed: str) -> bool:
    """Compare an output with what a page shows; columns may be wider, and `...` stands for anything."""
    parts = [re.escape(_narrow(part)) for part in expected.split("...")]
    return re.fullmatch(r"\s*" + ".*?".join(parts) + r"\s*", _narrow(printed), re.DOTALL) is not None


def _narrow(text: str) -> str:
    return re.sub(r" ?\n", "\n", re.sub(r"[ \t]+", " ", text))
