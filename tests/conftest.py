"""The cluster, found or made once for all tests that ask for it; and how many tests each layer has."""

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, nullcontext, redirect_stdout
from pathlib import Path

import hypothesis
import pytest

from tests.cluster.cache import cache_dir, locked
from tests.cluster.interface import Cluster
from tests.cluster.progress import step
from tests.cluster.provider import find_or_make

# the same examples in every run, so that a red run is red for everybody, and no verdict that depends on load;
# HYPOTHESIS_PROFILE=default looks for new ones
hypothesis.settings.register_profile("same", derandomize=True, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses by marker
def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    for item in items:
        if "cluster" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.cluster)
        if item.get_closest_marker("cluster"):
            item.add_marker(pytest.mark.xdist_group("cluster"))  # one cluster: one test of it at a time


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A healthy cluster, this run's alone; it stays up afterwards, so that the next run starts at once."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with ExitStack() as held:
        # progress is for the person who waits, and a worker of xdist has no other way to speak than stderr
        with capture.global_and_fixture_disabled() if capture else nullcontext(), redirect_stdout(sys.stderr):
            with step("take the cluster for these tests"):  # waits while another run has it
                held.enter_context(locked(cache_dir() / "tests.lock"))
            found = find_or_make()
        yield found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Count the outcomes by layer, the folders of tests/, and the seconds that each took."""
    counts: dict[str, Counter[str]] = {}
    seconds: dict[str, float] = {}
    for outcome in ("passed", "failed", "error", "skipped", "xfailed", ""):  # "": set up or torn down well
        for report in terminalreporter.getreports(outcome):
            layer = Path(report.nodeid).parts[1]
            seconds[layer] = seconds.get(layer, 0.0) + getattr(report, "duration", 0.0)
            if outcome:
                counts.setdefault(layer, Counter())[outcome] += 1
    terminalreporter.section("tests by layer")
    for layer, outcomes in counts.items():
        told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
        terminalreporter.write_line(f"{layer:<12} {told} in {seconds[layer]:.0f} s")
