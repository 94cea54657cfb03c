import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.cache import cache_dir, content_key, ensure, locked


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DRAWBRIDGE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        pytest.param({"DRAWBRIDGE_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, "/a", id="an explicit folder wins"),
        pytest.param({"XDG_CACHE_HOME": "/b"}, "/b/drawbridge", id="the desktop's cache folder comes second"),
        pytest.param({"HOME": "/h"}, "/h/.cache/drawbridge", id="the home folder comes last"),
        pytest.param({"HOME": "/h", "XDG_CACHE_HOME": ""}, "/h/.cache/drawbridge", id="empty means unset"),
    ],
)
def test_the_cache_lies_where_the_user_says(
    environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DRAWBRIDGE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert cache_dir() == Path(expected)


def make_tree(root: Path) -> Path:
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "file").write_text("content")
    (root / "link").symlink_to("sub/file")
    return root


def test_equal_content_elsewhere_has_the_same_key(tmp_path: Path) -> None:
    assert content_key(make_tree(tmp_path / "a")) == content_key(make_tree(tmp_path / "b"))
    assert len(content_key("x")) == 16


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda root: (root / "sub" / "file").write_text("changed"), id="a file's content"),
        pytest.param(lambda root: (root / "sub" / "file").chmod(0o755), id="a file made executable"),
        pytest.param(lambda root: (root / "sub" / "file").rename(root / "sub" / "other"), id="a file's name"),
        pytest.param(lambda root: (root / "empty").mkdir(), id="an empty directory"),
        pytest.param(
            lambda root: [(root / "link").unlink(), (root / "link").symlink_to("sub")], id="a link's target"
        ),
    ],
)
def test_the_key_changes_with(change: object, tmp_path: Path) -> None:
    root = make_tree(tmp_path / "tree")
    before = content_key(root)
    assert callable(change)
    change(root)
    assert content_key(root) != before


def test_the_umask_of_the_checkout_does_not_count(tmp_path: Path) -> None:
    root = make_tree(tmp_path / "tree")
    before = content_key(root)
    (root / "sub" / "file").chmod(0o600)
    (root / "sub").chmod(0o700)
    assert content_key(root) == before


def test_texts_do_not_run_into_each_other() -> None:
    assert content_key("ab", "c") != content_key("a", "bc")
    assert content_key("a", "b") != content_key("atextb"), "what marks a text is no text itself"
    assert content_key("a", "b") != content_key("b", "a")


def test_a_missing_file_has_no_key(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        content_key(tmp_path / "missing")


def test_an_entry_is_filled_once(cache: Path) -> None:
    fills: list[Path] = []

    def fill(folder: Path) -> None:
        fills.append(folder)
        (folder / "made").write_text("content")

    assert ensure("binaries", "k", fill) == ensure("binaries", "k", fill) == cache / "binaries" / "k"
    assert (cache / "binaries" / "k" / "made").read_text() == "content"
    assert len(fills) == 1


def test_a_failed_fill_leaves_nothing_that_counts_as_filled(cache: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        ensure("binaries", "k", fail)
    assert not (cache / "binaries" / "k").exists()
    filled = ensure("binaries", "k", lambda folder: (folder / "made").touch())
    assert [path.name for path in filled.iterdir()] == ["made"]


def test_what_a_killed_fill_left_does_not_leak_into_the_next(cache: Path) -> None:
    program = (
        "import os; from tests.cluster.cache import ensure\n"
        "ensure('binaries', 'k', lambda folder: ((folder / 'half').touch(), os._exit(9)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 9
    filled = ensure("binaries", "k", lambda folder: (folder / "made").touch())
    assert [path.name for path in filled.iterdir()] == ["made"]
    assert filled.parent == cache / "binaries"


def test_a_second_process_waits_for_the_first_and_does_not_fill_again(cache: Path) -> None:
    program = (
        "from tests.cluster.cache import ensure\n"
        "print('started', flush=True)\n"
        "print(ensure('binaries', 'k', lambda folder: (folder / 'second').touch()))"
    )
    with locked(cache / "binaries" / ".k.lock"):
        second = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        assert second.stdout is not None
        assert second.stdout.readline() == "started\n"
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(timeout=0.3)
        (cache / "binaries" / "k").mkdir()
        (cache / "binaries" / "k" / "first").touch()
    with second:
        assert second.wait(timeout=10) == 0
    assert [path.name for path in (cache / "binaries" / "k").iterdir()] == ["first"]
