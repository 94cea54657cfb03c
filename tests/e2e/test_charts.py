"""The chart's own test passes in a real cluster."""

from tests.cluster.installation import RELEASE, SYSTEM_NAMESPACE
from tests.cluster.kubectl import helm
from tests.e2e.conftest import Installed


def test_helm_test_passes(installed: Installed) -> None:
    told = helm(installed.cluster, "test", RELEASE, "--namespace", SYSTEM_NAMESPACE, "--timeout=120s")
    assert "Succeeded" in told
