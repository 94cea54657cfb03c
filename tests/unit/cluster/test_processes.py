import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cluster.source import processes
from tests.cluster.source.processes import Process, StartFailedError

PYTHON = str(Path(sys.executable).resolve())
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(600)
"""


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Process]:
    process = start(tmp_path, "print('up', flush=True); import time; time.sleep(600)")
    yield process
    processes.stop([process], grace_s=0)


def start(folder: Path, program: str) -> Process:
    process = processes.start(
        [PYTHON, "-c", program], record=folder / "run" / "it.json", log=folder / "it.log"
    )
    deadline = time.monotonic() + 10
    while "up" not in (folder / "it.log").read_text():
        assert time.monotonic() < deadline
        os.sched_yield()
    return process


def test_a_started_process_is_known_again_by_its_record(sleeper: Process, tmp_path: Path) -> None:
    assert processes.read_record(tmp_path / "run" / "it.json") == sleeper
    assert processes.is_alive(sleeper)


def test_it_runs_in_a_session_of_its_own_so_that_no_terminal_ends_it(sleeper: Process) -> None:
    assert os.getsid(sleeper.pid) == sleeper.pid != os.getsid(0)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"start_ticks": 1}, id="its pid was given to a later process"),
        pytest.param({"boot_id": "another"}, id="the machine was restarted since"),
        pytest.param({"executable": "/usr/bin/other"}, id="it runs another program"),
        pytest.param({"pid": 2**22 + 1}, id="there is no such pid"),
    ],
)
def test_a_process_that_is_not_ours_is_not_taken_for_ours_and_never_stopped(
    change: dict[str, int | str], sleeper: Process
) -> None:
    other = replace(sleeper, **change)  # type: ignore[arg-type]  # one field each, of its type
    assert not processes.is_alive(other)
    processes.stop([other], grace_s=0)
    assert processes.is_alive(sleeper)


def test_stop_asks_first(sleeper: Process) -> None:
    processes.stop([sleeper], grace_s=10)
    assert not processes.is_alive(sleeper)
    assert os.waitstatus_to_exitcode(os.waitpid(sleeper.pid, 0)[1]) == -15


def test_stop_kills_what_does_not_listen(tmp_path: Path) -> None:
    process = start(tmp_path, STUBBORN)
    processes.stop([process], grace_s=0.2)
    assert not processes.is_alive(process)
    assert os.waitstatus_to_exitcode(os.waitpid(process.pid, 0)[1]) == -9


def test_an_ended_process_that_nobody_collected_is_not_alive(sleeper: Process) -> None:
    processes.stop([sleeper], grace_s=10)
    assert Path(f"/proc/{sleeper.pid}").exists()
    assert not processes.is_alive(sleeper)


def test_a_program_deleted_while_it_runs_is_still_recognised(tmp_path: Path) -> None:
    program = tmp_path / "sleep"
    program.write_bytes(Path("/bin/sleep").read_bytes())
    program.chmod(0o755)
    process = processes.start([str(program), "600"], record=tmp_path / "it.json", log=tmp_path / "it.log")
    program.unlink()
    try:
        assert processes.is_alive(process)
    finally:
        processes.stop([process], grace_s=0)


def test_no_record_means_no_process(tmp_path: Path) -> None:
    assert processes.read_record(tmp_path / "missing.json") is None


def test_a_program_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises((StartFailedError, FileNotFoundError)):
        processes.start([str(tmp_path / "missing")], record=tmp_path / "it.json", log=tmp_path / "it.log")
    assert processes.read_record(tmp_path / "it.json") is None


def test_a_process_that_is_gone_has_no_executable() -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    assert processes.executable_of(child.pid) is None
