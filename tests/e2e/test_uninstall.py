"""Uninstalling as the page says takes away all that is Drawbridge's and nothing that is a team's."""

from pathlib import Path

import pytest

from tests.cluster.kubectl import kubectl
from tests.documentation import blocks_run_by
from tests.e2e.conftest import Installed
from tests.e2e.shell import terminal

KINDS = (
    "customresourcedefinitions,deployments,replicasets,pods,services,endpointslices,poddisruptionbudgets,"
    "networkpolicies,secrets,configmaps,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings,"
    "validatingadmissionpolicies,validatingadmissionpolicybindings"
)
"""All that charts and operator make outside the system namespace, which the page deletes as a whole."""

OF_THE_TEAM = (
    "persistentvolumeclaim/weights",
    "configmap/drawbridge-keys",
    "secret/cloud-keys",
    "role/drawbridge-bridge-cloud-keys",
    "rolebinding/drawbridge-bridge-cloud-keys",
)

WITHIN_S = 300.0
"""It takes half a minute: engines, and then gateway and bridge, have some seconds to finish each."""


@pytest.mark.usefixtures("key")
def test_what_is_ours_goes_and_what_is_the_teams_stays(
    installed: Installed, tenant: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    cluster = installed.cluster
    if cluster.kind == "existing":
        pytest.skip("that cluster is somebody's: pools that these tests did not make would go too")
    if request.session.testsfailed:
        pytest.skip("a test has failed: what is installed stays, for whoever looks why")
    [uninstall] = blocks_run_by(__file__)
    with terminal(cluster, tmp_path) as shell:
        shell.run(uninstall.text, within_s=WITHIN_S)
    ours = ("--selector", "app.kubernetes.io/part-of=drawbridge")
    # what pools owned is collected a moment after them
    kubectl(cluster, "wait", "--for=delete", KINDS, "--all-namespaces", *ours, "--timeout=30s")
    kubectl(cluster, "get", *OF_THE_TEAM, "--namespace", tenant)
