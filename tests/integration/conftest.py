"""The cloud stand-in, one for all tests against real sockets."""

from collections.abc import Iterator

import pytest

from tests.standin import Standin, standin_thread


@pytest.fixture(scope="session")
def cloud_standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standin]:
    """For other shared fixtures; it may remember requests of earlier tests."""
    with standin_thread(tmp_path_factory.mktemp("standin-tls")) as running:
        yield running


@pytest.fixture
def standin(cloud_standin: Standin) -> Standin:
    """A stand-in that has received nothing."""
    cloud_standin.forget()
    return cloud_standin
