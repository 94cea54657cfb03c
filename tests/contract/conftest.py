from typing import TYPE_CHECKING

import pytest
from drawbridge_crds.generate import manifests

from tests.cluster.kubectl import apply, kubectl
from tests.contract.resources import CASES

if TYPE_CHECKING:
    from tests.cluster.interface import Cluster


@pytest.fixture(scope="session")
def api_server(cluster: "Cluster") -> "Cluster":
    """Return the cluster with our CRDs and the other project's InferencePool beside them."""
    everything = [*manifests().values(), (CASES / "other-inferencepool-crd.yaml").read_text()]
    apply(cluster, "\n---\n".join(everything))
    kubectl(cluster, "wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")
    return cluster
