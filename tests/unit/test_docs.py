"""No code block of the documentation escapes: it is run, or says why not; and no page points nowhere."""

import ast
import json
import os
import re
import time
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from drawbridge_crds.policy import RoutingPolicy
from drawbridge_crds.pool import InferencePool

from tests.documentation import (
    IN_ORDER,
    NOTHING_TO_RUN,
    ROOT,
    RUN,
    Block,
    blocks_of,
    commands,
    matches,
    pages,
    read_blocks,
)
from tests.e2e.shell import CommandFailedError, Shell
from tests.e2e.substitutions import Substitutions, substitutions

BLOCKS = [block for page in pages() for block in blocks_of(page)]
KINDS = {"InferencePool": InferencePool, "RoutingPolicy": RoutingPolicy}
MIN_REASON_WORDS = 3


def _places(blocks: list[Block]) -> list[str]:
    return [f"{block.place} ({block.language})" for block in blocks]


def test_every_block_is_run_or_says_why_not() -> None:
    assert len(BLOCKS) > 20
    unknown = [b for b in BLOCKS if b.language not in RUN | NOTHING_TO_RUN | {"json"} and b.not_run is None]
    assert _places(unknown) == [], "use a language that is run, or say `<!-- not run: REASON -->` before it"


def test_every_reason_is_one() -> None:
    assert (
        _places([b for b in BLOCKS if b.not_run is not None and len(b.not_run.split()) < MIN_REASON_WORDS])
        == []
    )


def test_every_mark_stands_right_before_a_block() -> None:
    marks = [
        re.findall(r"^ *<!-- (?:not )?run\b", (ROOT / page).read_text(), re.MULTILINE) for page in pages()
    ]
    assert sum(map(len, marks)) == sum(bool(block.not_run or block.run_by) for block in BLOCKS)


def test_a_test_that_a_block_names_takes_it_from_the_page() -> None:
    named = {block.run_by for block in BLOCKS if block.run_by is not None}
    stories = (ROOT / "tests/e2e").glob("test_*.py")
    takers = {
        str(path.relative_to(ROOT)) for path in stories if "blocks_run_by(__file__)" in path.read_text()
    }
    assert named == takers
    assert {block.language for block in BLOCKS if block.run_by is not None} == {"bash"}


def test_every_page_with_a_block_to_run_is_in_the_order() -> None:
    to_run = {block.page for block in BLOCKS if block.is_run and block.language != "yaml"}
    assert sorted(to_run - set(IN_ORDER)) == []
    assert [page for page in IN_ORDER if page not in pages()] == []


def test_every_saved_file_is_used_by_a_later_command() -> None:
    unused = [
        block
        for block in BLOCKS
        if block.title
        and block.is_run
        and not any(
            block.title in later.text
            for later in BLOCKS
            if later.page == block.page and later.language in {"bash", "console"} and later.line > block.line
        )
    ]
    assert _places(unused) == []


def test_every_substitution_is_of_something_that_a_page_says() -> None:
    ours = substitutions((1, 2, 3, 4), storage_class="", engine_image="engine", cloud_key="key")
    assert ours.unused(block for block in BLOCKS if block.is_run and block.page in IN_ORDER) == []


def test_a_substitution_that_no_block_uses_is_found() -> None:
    blocks = list(read_blocks("p.md", "```bash\nls team-a:80\n```\n"))
    some = Substitutions({"team-a": "docs", "team-b": "x"}, {"p.md": {":80": ":1"}, "q.md": {"ls": "cat"}})
    assert some.unused(blocks) == ["q.md: ls", "team-b"]
    assert some.here("p.md", blocks[0].text) == "ls docs:1\n"


def _documents(block: Block) -> list[Any]:
    return [document for document in yaml.safe_load_all(block.text) if document is not None]


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "yaml"], ids=lambda b: b.place)
def test_yaml_is_resources_and_ours_parse(block: Block) -> None:
    documents = _documents(block)
    if not block.title and block.not_run is None:
        assert all("apiVersion" in d for d in documents), "write whole resources, or give the file a title"
    for document in documents:
        if document.get("apiVersion") == "drawbridge.dev/v1alpha1":
            KINDS[document["kind"]].model_validate(document)


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "json"], ids=lambda b: b.place)
def test_json_parses(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "python"], ids=lambda b: b.place)
def test_python_parses(block: Block) -> None:
    ast.parse(block.text)


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "console"], ids=lambda b: b.place)
def test_console_blocks_show_commands(block: Block) -> None:
    assert commands(block)


@cache
def _anchors(page: Path) -> frozenset[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings)
    return frozenset(re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain)


@pytest.mark.parametrize("name", pages())
def test_links_and_anchors_lead_somewhere(name: str) -> None:
    page = ROOT / name
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        path, _, anchor = target.partition("#")
        if "://" in path:
            continue
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in _anchors(file)):
            broken.append(target)
    assert broken == []


PATH_IN_TEXT = re.compile(r"`((?:crds|operator|gateway|charts|tests|examples|docs)/[\w./-]*\w/?)`")


@pytest.mark.parametrize("name", pages())
def test_paths_of_the_repository_exist(name: str) -> None:
    paths = PATH_IN_TEXT.findall((ROOT / name).read_text())
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_page_of_docs_is_in_the_index() -> None:
    index = (ROOT / "docs/README.md").read_text()
    names = [page.removeprefix("docs/") for page in pages() if page.startswith("docs/")]
    assert [name for name in names if name != "README.md" and f"({name})" not in index] == []
    assert "(docs/README.md)" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize(
    ("expected", "printed", "fits"),
    [
        pytest.param("NAME  READY\ncoder 1/1", "NAME   READY\ncoder  1/1\n", True, id="columns may be wider"),
        pytest.param("coder 1/1 ... 3s", "coder 1/1 True 40s 3s", True, id="dots stand for anything"),
        pytest.param("coder 1/1", "coder 0/1", False, id="another value does not fit"),
        pytest.param("coder 1/1", "coder 1/1\nvault 1/1", False, id="nothing may follow unannounced"),
        pytest.param("a.b", "aXb", False, id="a dot is a dot"),
    ],
)
def test_outputs_are_compared_as_people_do(expected: str, printed: str, *, fits: bool) -> None:
    assert matches(expected, printed) is fits


def test_blocks_are_read_as_they_stand() -> None:
    text = (
        'x\n<!-- not run: it is only shown -->\n```bash\nls\n```\n  ```yaml title="a.yaml"\n  a: 1\n  ```\n'
        "<!-- run by tests/e2e/test_x.py -->\n```bash\nrm -r x\n```\n"
    )
    shown, saved, elsewhere = read_blocks("p.md", text)
    assert (shown.not_run, shown.text, shown.line, shown.is_run) == ("it is only shown", "ls\n", 3, False)
    assert (saved.title, saved.text, saved.is_run) == ("a.yaml", "a: 1\n", True)
    assert (elsewhere.run_by, elsewhere.not_run, elsewhere.is_run) == ("tests/e2e/test_x.py", None, False)


@pytest.mark.parametrize("text", ["```bash\nls\n", "```bash -x\nls\n```\n"], ids=["not closed", "odd fence"])
def test_a_malformed_block_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"p\.md:1"):
        list(read_blocks("p.md", text))


def test_console_commands_are_split_from_what_they_print() -> None:
    [block] = read_blocks("p.md", "```console\n$ echo a \\\n    b\na b\n$ true\n```\n")
    first, second = commands(block)
    assert (first.script, first.expected) == ("echo a \\\n    b\n", "a b")
    assert (second.script, second.expected) == ("true\n", "")


def _pinned(module: str, name: str) -> str:
    """Return the minor version of a module that the tests' cluster is built from."""
    text = (ROOT / f"tests/cluster/go/{module}/go.mod").read_text()
    match = re.search(rf"{re.escape(name)} v(\d+\.\d+)\.", text)
    assert match is not None
    return match[1]


def test_the_versions_that_were_run_are_those_that_the_tests_run() -> None:
    text = (ROOT / "docs/compatibility.md").read_text()
    engine = re.search(
        r'"sglang(?:\[\w+\])?==([\d.]+)', (ROOT / "tests/cluster/images/engine/pyproject.toml").read_text()
    )
    oldest = re.search(r'kubeVersion: ">=(\d+\.\d+)', (ROOT / "charts/drawbridge/Chart.yaml").read_text())
    assert engine is not None
    assert oldest is not None
    assert f"| Kubernetes | {_pinned('kubernetes', 'k8s.io/kubernetes')} |" in text
    assert f"kube-router {_pinned('kube-router', 'github.com/cloudnativelabs/kube-router/v2')}," in text
    assert f"| Helm | {_pinned('helm', 'helm.sh/helm/v4')} |" in text
    assert f"| SGLang | {engine[1]}," in text
    assert f"The charts refuse Kubernetes below {oldest[1]}." in text


def test_a_shell_keeps_its_variables_and_ends_what_it_left_running(tmp_path: Path) -> None:
    with Shell(tmp_path, os.environ) as shell:
        shell.run("export WORD=kept\nsleep 600 &\n", within_s=10)
        assert shell.run('echo "$WORD"\n', within_s=10) == "kept\n"
        began = time.monotonic()
    # its end waits for all that hold its output open
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    ("script", "within_s", "said"),
    [
        pytest.param(
            "echo first\nfalse\necho second\n",
            10,
            "status 1:\nfirst\n$",
            id="a command in the middle fails",
        ),
        pytest.param("false | true\n", 10, "status 1", id="the first of a pipe fails"),
        pytest.param("echo begun\nsleep 600\n", 2, "too long:\nbegun", id="it does not end"),
    ],
)
def test_a_shell_tells_which_command_failed_and_what_it_said(
    tmp_path: Path, script: str, within_s: float, said: str
) -> None:
    with Shell(tmp_path, os.environ) as shell:
        shell.run("true\n", within_s=10)  # it has started: what follows is at most two commands away
        with pytest.raises(CommandFailedError, match=said):
            shell.run(script, within_s=within_s)
