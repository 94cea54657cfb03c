"""Whatever JSON stands at whatever place of a resource, pydantic and the API server give one verdict."""

from __future__ import annotations

import asyncio
import copy
from http.client import BAD_REQUEST, CREATED, UNPROCESSABLE_ENTITY
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration
from pydantic import ValidationError

from tests.contract.resources import CASES, KINDS, resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster.interface import Cluster

VALUES = ["7", 7, 7.0, 7.5, True, None, [], {}]

OPAQUE = {"affinity", "topologySpreadConstraints"}
"""What lies below them only the pod's own schema knows."""

CEL_READS_NO_FLOAT = ("scaling", "maxReplicas")
"""The API server takes 7.0 for an integer unless a rule reads it ("expected int, got float64", 1.36). kubectl
and YAML parsers write 7, so that nobody meets this but by writing JSON by hand."""

PLURALS = {"inferencepool": "inferencepools", "routingpolicy": "routingpolicies"}

AT_ONCE = 8

Path = tuple[str | int, ...]


def _everything(kind: str) -> dict[str, Any]:
    """Return a spec that has every field, from the cases that the API server accepts."""
    cases = {case["case"]: case for case in yaml.safe_load((CASES / f"{kind}.yaml").read_text())}
    spec: dict[str, Any] = cases["every field"]["spec"]
    return {**spec, **cases.get("scheduling as a pod writes it", {}).get("spec", {}), **spec}


def _places(value: Any, path: Path = ()) -> Iterator[Path]:
    """List every place in a value, but only the first item of a list."""
    if path:
        yield path
    if path and path[-1] in OPAQUE:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _places(inner, (*path, key))
    elif isinstance(value, list) and value:
        yield from _places(value[0], (*path, 0))


def _changed(spec: dict[str, Any], path: Path, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(spec)
    place: Any = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return changed


def _accepted_by_pydantic(kind: str, whole: dict[str, Any]) -> bool:
    try:
        KINDS[kind][0].read(whole)
    except ValidationError:
        return False
    return True


async def _accepted_by_api_server(cluster: Cluster, kind: str, wholes: list[dict[str, Any]]) -> list[bool]:
    configuration = Configuration()
    await config.load_kube_config(  # type: ignore[no-untyped-call] # not annotated there
        config_file=str(cluster.kubeconfig), client_configuration=configuration
    )
    slots = asyncio.Semaphore(AT_ONCE)

    async def ask(api: ApiClient, whole: dict[str, Any]) -> bool:
        query = "dryRun=All&fieldValidation=Strict"
        url = f"{configuration.host}/apis/drawbridge.dev/v1alpha1/namespaces/default/{PLURALS[kind]}?{query}"
        async with slots:
            answer = await api.call_api("POST", url, {"Accept": "application/json"}, whole)
            text = await answer.read()  # type: ignore[no-untyped-call] # the client's own
        assert answer.status in {CREATED, BAD_REQUEST, UNPROCESSABLE_ENTITY}, text
        return bool(answer.status == CREATED)

    async with ApiClient(configuration) as api:
        return list(await asyncio.gather(*(ask(api, whole) for whole in wholes)))


@pytest.mark.cluster
@pytest.mark.parametrize("kind", KINDS)
async def test_one_verdict(kind: str, api_server: Cluster) -> None:
    spec = _everything(kind)
    tried = [
        (path, value)
        for path in _places(spec)
        for value in VALUES
        if not (path == CEL_READS_NO_FLOAT and isinstance(value, float))
    ]
    wholes = [resource(kind, _changed(spec, path, value)) for path, value in tried]
    assert _accepted_by_pydantic(kind, resource(kind, spec))
    stored = await _accepted_by_api_server(api_server, kind, wholes)
    differing = [
        f"{'.'.join(map(str, path))}: {value!r} is {'taken' if taken else 'refused'} by the API server"
        for (path, value), whole, taken in zip(tried, wholes, stored, strict=True)
        if taken is not _accepted_by_pydantic(kind, whole)
    ]
    assert not differing, "\n".join(differing)
