"""What holds for the tree as a whole: names that would shadow, lengths, links that lead somewhere."""

import importlib
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAX_LINES = 400
"""Past this a file usually holds a second subject."""


def _tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


def test_no_folder_shadows_the_standard_library() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()
    assert not [folder for folder in (ROOT / "tests").rglob("operator") if (folder / "__init__.py").exists()]
    assert importlib.import_module("operator").__file__ != str(ROOT / "operator" / "__init__.py")


def test_no_file_outgrows_its_subject() -> None:
    lines = {path.relative_to(ROOT): len(path.read_text().splitlines()) for path in _tracked("*.py")}
    assert len(lines) > 100
    assert {str(path): count for path, count in lines.items() if count > MAX_LINES} == {}


def test_no_file_is_named_after_nothing() -> None:
    empty_names = {"utils.py", "helpers.py", "common.py", "misc.py"}
    assert [path for path in _tracked("*.py") if path.name in empty_names] == []


@pytest.mark.parametrize("page", _tracked("*.md"), ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    broken = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert broken == []


def test_the_map_for_newcomers_names_what_exists() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    table = text[text.index("## Where things are") : text.index("## Add a field")]
    paths = [path for path in re.findall(r"`([a-z_./-]+)`", table) if path.count("/") > 1]
    assert len(paths) >= 10
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("component", ["crds", "gateway", "operator"])
def test_the_map_of_a_component_names_what_exists(component: str) -> None:
    package = ROOT / component / "src" / f"drawbridge_{component}"
    lines = (ROOT / component / "README.md").read_text().splitlines()
    missing = []
    for names in (re.findall(r"`([a-z_]+(?:/[a-z_]+)*(?:/|\.py))`", line) for line in lines):
        folders = [package, *(package / name for name in names if name.endswith("/"))]
        missing += [name for name in names if not any((folder / name).exists() for folder in folders)]
    assert missing == []


def test_the_map_of_the_contract_leaves_no_module_out() -> None:
    text = (ROOT / "crds/README.md").read_text()
    modules = (ROOT / "crds/src/drawbridge_crds").glob("[a-z]*.py")
    assert [module.name for module in modules if f"`{module.name}`" not in text] == []
