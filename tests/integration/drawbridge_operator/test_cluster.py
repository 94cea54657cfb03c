"""The client against a real API server: what is asked arrives, what is refused has its name."""

import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
from drawbridge_operator import cluster as module
from drawbridge_operator.cluster import Cluster as Api
from drawbridge_operator.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    LeadershipLostError,
    NamespaceTerminatingError,
    NotFoundError,
    UnavailableError,
)
from drawbridge_operator.kinds import CONFIG_MAP, NAMESPACE, SECRET, Kind
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration

from tests.cluster.interface import Cluster
from tests.cluster.kubectl import kubectl
from tests.integration.drawbridge_operator.resources import config_map

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def namespace(cluster: Cluster) -> Any:
    name = f"client-{secrets.token_hex(3)}"
    kubectl(cluster, "create", "namespace", name)
    yield name
    kubectl(cluster, "delete", "namespace", name, "--wait=false")


async def test_an_object_is_created_read_changed_and_deleted(api: Api, namespace: str) -> None:
    made = await api.apply(config_map(namespace, "life", a="1", b="2"))
    assert made["data"] == {"a": "1", "b": "2"}
    changed = await api.apply(config_map(namespace, "life", a="3"))
    assert changed["data"] == {"a": "3"}, "a field that is no longer applied goes"
    assert (await api.get(CONFIG_MAP, namespace, "life") or {})["data"] == {"a": "3"}
    await api.delete(CONFIG_MAP, namespace, "life", uid=made["metadata"]["uid"])
    assert await api.get(CONFIG_MAP, namespace, "life") is None
    await api.delete(CONFIG_MAP, namespace, "life", uid=made["metadata"]["uid"])


async def test_fields_of_others_stay(api: Api, cluster: Cluster, namespace: str) -> None:
    await api.apply(config_map(namespace, "shared", ours="1"))
    kubectl(
        cluster,
        "-n",
        namespace,
        "patch",
        "configmap",
        "shared",
        "--type=merge",
        "-p",
        '{"data":{"theirs":"2"}}',
    )
    assert (await api.apply(config_map(namespace, "shared", ours="3")))["data"] == {
        "ours": "3",
        "theirs": "2",
    }


async def test_the_successor_of_an_object_is_not_deleted_in_its_place(api: Api, namespace: str) -> None:
    await api.apply(config_map(namespace, "successor"))
    with pytest.raises(ConflictError):
        await api.delete(CONFIG_MAP, namespace, "successor", uid="00000000-0000-0000-0000-000000000000")
    assert await api.get(CONFIG_MAP, namespace, "successor")


async def test_a_list_is_complete_however_many_pages_it_takes(
    api: Api, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE_ITEMS", 2)
    for number in range(5):
        labelled = config_map(namespace, f"paged-{number}")
        labelled["metadata"]["labels"] = {"paged": "yes" if number else "no"}
        await api.apply(labelled)
    found = await api.list(CONFIG_MAP, namespace, "paged=yes")
    assert [obj["metadata"]["name"] for obj in found] == [f"paged-{n}" for n in (1, 2, 3, 4)]
    assert {(obj["apiVersion"], obj["kind"]) for obj in found} == {("v1", "ConfigMap")}
    everywhere = await api.list(CONFIG_MAP, label_selector="paged")
    assert len([obj for obj in everywhere if obj["metadata"]["namespace"] == namespace]) == 5


async def test_what_cannot_be_done_has_its_error(api: Api, namespace: str) -> None:
    made = await api.create(config_map(namespace, "once"))
    with pytest.raises(ConflictError):
        await api.create(config_map(namespace, "once"))
    stale = {**made, "metadata": {**made["metadata"], "resourceVersion": "1"}}
    with pytest.raises(ConflictError):
        await api.replace(stale)
    with pytest.raises(InvalidError, match="unknown"):
        await api.apply({**config_map(namespace, "unknown"), "colour": "red"})
    with pytest.raises(NotFoundError, match="absent"):
        await api.apply(config_map("absent-namespace", "x"))
    with pytest.raises(NotFoundError):
        await api.list(Kind("drawbridge.dev/v9", "InferencePool", "inferencepools"))


async def test_a_status_is_written_to_the_version_that_was_read_or_not_at_all(
    api: Api, definitions: None, namespace: str
) -> None:
    del definitions
    source = {"type": "PersistentVolumeClaim", "persistentVolumeClaim": {"claimName": "weights"}}
    head = {"apiVersion": "drawbridge.dev/v1alpha1", "kind": "InferencePool"}
    metadata = {"name": "status", "namespace": namespace}
    made = await api.create({**head, "metadata": metadata, "spec": {"model": {"source": source}}})
    version = {"resourceVersion": made["metadata"]["resourceVersion"]}
    status = {"readySummary": "0/0"}
    written = await api.apply_status({**head, "metadata": {**metadata, **version}, "status": status})
    assert written["status"] == status
    with pytest.raises(ConflictError):
        await api.apply_status(
            {**head, "metadata": {**metadata, **version}, "status": {"readySummary": "1/1"}}
        )
    with pytest.raises(NotFoundError):
        await api.apply_status({**head, "metadata": {**metadata, "name": "absent"}, "status": status})


async def test_nothing_is_made_in_a_namespace_that_goes(api: Api, cluster: Cluster) -> None:
    name = f"going-{secrets.token_hex(3)}"
    kubectl(cluster, "create", "namespace", name)
    held = config_map(name, "held")
    held["metadata"]["finalizers"] = ["drawbridge.dev/test"]
    await api.create(held)
    kubectl(cluster, "delete", "namespace", name, "--wait=false")
    with pytest.raises(NamespaceTerminatingError):
        await api.create(config_map(name, "late"))
    kubectl(
        cluster,
        "-n",
        name,
        "patch",
        "configmap",
        "held",
        "--type=merge",
        "-p",
        '{"metadata":{"finalizers":null}}',
    )


@pytest.fixture
async def stranger(cluster: Cluster, namespace: str) -> AsyncIterator[Api]:
    """A client with a token of an account that may do nothing."""
    configuration = await _configuration(cluster)
    token = kubectl(cluster, "create", "token", "default", "--namespace", namespace).strip()
    configuration.api_key["BearerToken"] = f"bearer {token}"
    async with ApiClient(configuration) as client:
        yield Api(client)


async def test_a_missing_right_is_told_and_names_what_was_asked(stranger: Api, namespace: str) -> None:
    with pytest.raises(ForbiddenError, match=f'GET Secret "{namespace}/x"'):
        await stranger.get(SECRET, namespace, "x")


async def test_a_refused_token_passes_with_time(cluster: Cluster) -> None:
    configuration = await _configuration(cluster)
    configuration.api_key["BearerToken"] = "bearer nonsense"
    async with ApiClient(configuration) as client:
        with pytest.raises(UnavailableError, match="401"):
            await Api(client).get(NAMESPACE, "", "default")


async def test_a_server_that_does_not_answer_passes_with_time() -> None:
    async with ApiClient(Configuration(host="http://127.0.0.1:9")) as client:
        with pytest.raises(UnavailableError, match='GET Namespace "default"'):
            await Api(client).get(NAMESPACE, "", "default")


async def test_before_each_write_leadership_is_asked_for_and_before_reads_it_is_not(
    cluster: Cluster, namespace: str
) -> None:
    def refuse() -> None:
        raise LeadershipLostError("another leads")

    async with ApiClient(await _configuration(cluster, admin=True)) as client:
        guarded = Api(client, check_may_write=refuse)
        assert await guarded.list(CONFIG_MAP, namespace) is not None
        unwritten = config_map(namespace, "unwritten")
        for write in (
            guarded.apply(unwritten),
            guarded.apply_status(unwritten),
            guarded.create(unwritten),
            guarded.replace(unwritten),
            guarded.delete(CONFIG_MAP, namespace, "unwritten", uid="u"),
        ):
            with pytest.raises(LeadershipLostError):
                await write
        assert await guarded.get(CONFIG_MAP, namespace, "unwritten") is None


async def _configuration(cluster: Cluster, *, admin: bool = False) -> Configuration:
    configuration = Configuration()
    await config.load_kube_config(  # type: ignore[no-untyped-call] # not annotated there
        config_file=str(cluster.kubeconfig), client_configuration=configuration
    )
    if not admin:
        configuration.cert_file = configuration.key_file = None
    return configuration
