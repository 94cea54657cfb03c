import io
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def no_steps_of_others(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(progress, "_finished", [])
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    return iter(())


def test_a_step_says_that_it_starts_and_how_long_it_took() -> None:
    out = io.StringIO()
    with progress.step("build etcd", out=out):
        assert out.getvalue() == ".. build etcd\n"
    assert out.getvalue().splitlines()[1].startswith("ok build etcd (0.0 s)")


def test_a_long_step_says_that_it_still_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "HEARTBEAT_S", 0.01)
    told = WaitForHeartbeat()
    with progress.step("build etcd", out=told):
        assert told.heard.wait(timeout=10)
    assert ".. build etcd, 0 s so far\n" in told.getvalue()


def test_only_the_innermost_step_says_that_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "HEARTBEAT_S", 0.01)
    told = WaitForHeartbeat()
    with progress.step("make a cluster", out=told), progress.step("build etcd", out=told):
        for _ in range(5):
            told.heard.clear()
            assert told.heard.wait(timeout=10)
    assert "make a cluster, " not in told.getvalue()


class WaitForHeartbeat(io.StringIO):
    def __init__(self) -> None:
        super().__init__()
        self.heard = threading.Event()

    def write(self, text: str) -> int:
        if "so far" in text:
            self.heard.set()
        return super().write(text)


def test_a_step_that_raises_is_reported_as_failed_and_raises_on() -> None:
    out = io.StringIO()
    with pytest.raises(ValueError, match="no"), progress.step("build etcd", out=out):
        raise ValueError("no")
    assert "failed build etcd" in out.getvalue()


@pytest.mark.parametrize(
    ("environment", "out", "coloured"),
    [
        pytest.param({}, Terminal(), True, id="a terminal is coloured"),
        pytest.param({}, io.StringIO(), False, id="a pipe is not"),
        pytest.param({"CI": "true"}, Terminal(), False, id="a CI system's terminal is not"),
        pytest.param({"NO_COLOR": ""}, Terminal(), False, id="a person who asked for none gets none"),
    ],
)
def test_colours(
    environment: dict[str, str], out: io.StringIO, *, coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with progress.step("build etcd", out=out):
        pass
    assert ("\033[" in out.getvalue()) is coloured


def test_the_summary_lists_outer_steps_before_inner_and_adds_up_outer_ones() -> None:
    progress._finished[:] = [
        progress.Took("cluster", 10.0, 0, failed=False),
        progress.Took("etcd", 3.0, 1, failed=True),
        progress.Took("too deep", 2.0, 2, failed=False),
        progress.Took("images", 5.0, 0, failed=False),
    ]
    assert progress.summary().splitlines() == [
        "what took how long",
        "    10.0 s  cluster",
        "     3.0 s    etcd (failed)",
        "     5.0 s  images",
        "    15.0 s  in all",
    ]


def test_a_failed_command_shows_its_log_and_the_end_of_it(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "etcd.log"
    failing = "import sys; print(*range(30), sep='\\n'); print('cause', file=sys.stderr); sys.exit(3)"
    with pytest.raises(progress.CommandFailedError) as failed:
        progress.run([sys.executable, "-c", failing], log=log, environment={"PYTHONUNBUFFERED": "1"})
    text = str(failed.value)
    assert "status 3" in text
    assert str(log) in text
    assert text.endswith("29\ncause")
    assert len(text.splitlines()) == 1 + progress.LOG_TAIL_LINES


def test_what_earlier_commands_wrote_to_the_same_log_is_not_shown(tmp_path: Path) -> None:
    progress.run([sys.executable, "-c", "print('earlier')"], log=tmp_path / "log")
    with pytest.raises(progress.CommandFailedError) as failed:
        progress.run([sys.executable, "-c", "raise SystemExit('cause')"], log=tmp_path / "log")
    assert str(failed.value).splitlines()[1:] == ["cause"]
    assert (tmp_path / "log").read_text() == "earlier\ncause\n"
