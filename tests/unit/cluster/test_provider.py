import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from tests.cluster import audit, existing, kind
from tests.cluster.interface import NoClusterError
from tests.cluster.provider import choose
from tests.cluster.source import volumes
from tests.cluster.tools import parse_release


@pytest.mark.parametrize(
    ("environment", "source_runs", "docker_answers", "expected"),
    [
        pytest.param({}, False, True, "kind", id="an engine answers"),
        pytest.param({}, False, False, "source", id="no engine"),
        pytest.param({}, True, True, "source", id="the one from source runs already"),
        pytest.param({"CLUSTER": ""}, False, True, "kind", id="empty means unset"),
        pytest.param({"CLUSTER": "source"}, False, True, "source", id="source is asked for"),
        pytest.param({"CLUSTER": "kind"}, True, False, "kind", id="kind is asked for"),
        pytest.param({"CLUSTER": "existing"}, True, True, "existing", id="an existing one is asked for"),
    ],
)
def test_which_cluster_is_meant(
    environment: dict[str, str], expected: str, *, source_runs: bool, docker_answers: bool
) -> None:
    chosen = choose(environment, source_runs=lambda: source_runs, docker_answers=lambda: docker_answers)
    assert chosen == expected


def test_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    with pytest.raises(NoClusterError, match="CLUSTER=minikube: write existing, kind or source"):
        choose({"CLUSTER": "minikube"}, source_runs=lambda: False, docker_answers=lambda: False)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        pytest.param({"KUBECONFIG": __file__, "REGISTRY": "r.example/x"}, [], id="all is said"),
        pytest.param({}, ["KUBECONFIG is not set", "REGISTRY is not set"], id="nothing is said"),
        pytest.param(
            {"KUBECONFIG": "/a:/b", "REGISTRY": "r"}, ["KUBECONFIG=/a:/b is not one file"], id="two"
        ),
    ],
)
def test_what_an_existing_cluster_needs(environment: dict[str, str], expected: list[str]) -> None:
    found = existing.missing_settings(environment)
    assert [line.rpartition(": ")[0] for line in found] == expected


@pytest.mark.parametrize(
    ("archive", "transport"),
    [
        pytest.param("/a/image.docker.tar", "docker-archive", id="docker's format, told by the name"),
        pytest.param("/a/image.tar", "oci-archive", id="else OCI's"),
    ],
)
def test_an_archive_is_pushed_in_its_format(archive: str, transport: str) -> None:
    assert existing.push_command("r.example/drawbridge/x:1", Path(archive)) == [
        *("skopeo", "copy", f"{transport}:{archive}", "docker://r.example/drawbridge/x:1")
    ]


def test_images_of_an_existing_cluster_lie_below_its_registry() -> None:
    cluster = existing.ExistingCluster(Path("/k"), "r.example/team", None, Path("kubectl"), Path("helm"))
    assert cluster.image_ref("gateway", "1") == "r.example/team/drawbridge/gateway:1"


def test_kind_mounts_the_folder_in_which_its_api_server_writes_the_audit_log() -> None:
    config = kind.make_config(Path("/cache/audit"))
    node = config["nodes"][0]
    (mount,) = node["extraMounts"]
    patch = yaml.safe_load(node["kubeadmConfigPatches"][0])
    arguments = patch["apiServer"]["extraArgs"]
    (volume,) = patch["apiServer"]["extraVolumes"]
    assert mount == {"hostPath": "/cache/audit", "containerPath": volume["hostPath"]}
    assert arguments["audit-log-path"] == f"{volume['mountPath']}/audit.log"
    assert arguments["audit-policy-file"] == f"{volume['mountPath']}/policy.yaml"
    assert "apiVersion" not in patch, "kind then turns the map of arguments into the form that kubeadm reads"
    assert all(isinstance(value, str) for value in arguments.values())


def test_kind_writes_a_kubeconfig_of_its_own() -> None:
    command = kind.create_command(Path("/bin/kind"), Path("/cache"))
    assert command[:3] == ["/bin/kind", "create", "cluster"]
    assert "--kubeconfig=/cache/kubeconfig" in command


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param("Client Version: v1.36.3\nKustomize Version: v5.8.1", (1, 36), id="kubectl"),
        pytest.param("v4.3.1+gabcdef", (4, 3), id="helm"),
        pytest.param("kind v0.33.0 go1.26.8 linux/amd64", (0, 33), id="kind"),
        pytest.param("command not understood", None, id="something else"),
    ],
)
def test_a_release_is_read_from_what_the_tool_says(told: str, expected: tuple[int, int] | None) -> None:
    assert parse_release(told) == expected


def test_a_volume_can_be_claimed_in_every_usual_way(tmp_path: Path) -> None:
    spec = volumes.make_volume("v", tmp_path)["spec"]
    assert spec["storageClassName"] == "drawbridge-static"
    assert set(spec["accessModes"]) == {"ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany"}
    assert spec["persistentVolumeReclaimPolicy"] == "Retain"


def event(verb: str, second: int, **user: str) -> str:
    received = f"2026-11-22T10:00:{second:02}.123456Z"
    return json.dumps({"verb": verb, "user": user, "requestReceivedTimestamp": received}) + "\n"


def test_audit_events_since_a_moment_are_read_across_rotated_logs(tmp_path: Path) -> None:
    (tmp_path / "audit-2026-11-22T10-00-20.000.log").write_text(event("create", 1) + event("get", 11))
    (tmp_path / "audit.log").write_text(event("patch", 21) + event("update", 22)[:-20])
    since = datetime(2026, 11, 22, 10, 0, 5, tzinfo=UTC)
    found = list(audit.events(tmp_path / "audit.log", since))
    assert [found_event["verb"] for found_event in found] == ["get", "patch"], "a line being written waits"
    assert [audit.is_write(found_event) for found_event in found] == [False, True]


def test_audit_events_of_one_user_are_picked_out(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    log.write_text(event("get", 1, username="a") + event("list", 2, username="b") + event("watch", 3))
    assert [e["verb"] for e in audit.events(log, datetime(2026, 11, 22, tzinfo=UTC), "a")] == ["get"]
