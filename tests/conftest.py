"""The cluster, found or made once for all tests that ask for it."""

from collections.abc import Iterable
from contextlib import nullcontext

import pytest

from tests.cluster.interface import Cluster
from tests.cluster.provider import find_or_make


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses by marker
def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    for item in items:
        if "cluster" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.cluster)


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """A healthy cluster; it stays up after the tests, so that the next ones start at once."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with (
        capture.global_and_fixture_disabled() if capture else nullcontext()
    ):  # progress is for the person who waits
        return find_or_make()
