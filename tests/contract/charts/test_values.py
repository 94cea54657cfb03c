"""Wrong values are refused with the place and the fault; every value is documented by its default."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from tests.contract.charts.chart import CHARTS, SMALLEST, RefusedError, template

CHART = CHARTS / "drawbridge"
WRONG = [
    pytest.param({"gatway": {}}, "additional properties 'gatway' not allowed", id="a misspelt component"),
    pytest.param(
        {"gateway": {"replica": 2}},
        "at '/gateway': additional properties 'replica' not allowed",
        id="a misspelt field",
    ),
    pytest.param({"gateway": {"replicas": 0}}, "at '/gateway/replicas': minimum", id="no gateway at all"),
    pytest.param(
        {"gateway": {"replicas": "two"}}, "at '/gateway/replicas': got string, want integer", id="a word"
    ),
    pytest.param(
        {"gateway": {"replicas": None}},
        "at '/gateway': missing property 'replicas'",
        id="a default taken away",
    ),
    pytest.param(
        {"gateway": {"service": {"type": "Ingress"}}},
        "at '/gateway/service/type': value must be one of 'ClusterIP', 'NodePort', 'LoadBalancer'",
        id="an unknown type of Service",
    ),
    pytest.param(
        {"gateway": {"service": {"port": 70000}}}, "at '/gateway/service/port': maximum", id="a port"
    ),
    pytest.param(
        {"gateway": {"maxBodyBytes": "16Mi"}},
        "at '/gateway/maxBodyBytes': got string, want integer",
        id="bytes with a unit",
    ),
    pytest.param(
        {"gateway": {"firstByteTimeoutSeconds": 0}},
        "at '/gateway/firstByteTimeoutSeconds': minimum",
        id="a time-out that is always over",
    ),
    pytest.param(
        {"gateway": {"from": [{}]}},
        "at '/gateway/from/0': minProperties",
        id="a peer that is nobody",
    ),
    pytest.param(
        {"gateway": {"podAnnotations": {"a": 1}}},
        "at '/gateway/podAnnotations/a': got number, want string",
        id="an annotation that is a number",
    ),
    pytest.param(
        {"gateway": {"resources": {"limits": {"memory": "1 GB"}}}},
        "at '/gateway/resources/limits/memory': '1 GB' does not match pattern",
        id="a quantity that Kubernetes does not know",
    ),
    pytest.param(
        {"gateway": {"resources": {"limit": {}}}},
        "at '/gateway/resources': additional properties 'limit' not allowed",
        id="a misspelt field of resources",
    ),
    pytest.param(
        {"gateway": {"tolerations": [{"effect": "NoRun"}]}},
        "at '/gateway/tolerations/0/effect': value must be one of 'NoSchedule'",
        id="an unknown effect",
    ),
    pytest.param(
        {"operator": {"affinity": {"podAffinty": {}}}},
        "at '/operator/affinity': additional properties 'podAffinty' not allowed",
        id="a misspelt affinity",
    ),
    pytest.param(
        {"operator": {"apiServer": {"cidrs": []}}},
        "at '/operator/apiServer/cidrs': minItems",
        id="an operator that reaches nothing",
    ),
    pytest.param(
        {"operator": {"apiServer": {"cidrs": ["10.20.0.10"]}}},
        "at '/operator/apiServer/cidrs/0': '10.20.0.10' does not match pattern",
        id="an address instead of a range",
    ),
    pytest.param(
        {"image": {"registry": "https://registry.example.com"}},
        "at '/image/registry': 'https://registry.example.com' does not match pattern",
        id="a registry with a scheme",
    ),
    pytest.param(
        {"image": {"registry": "registry.example.com/mirror/"}},
        "at '/image/registry'",
        id="a registry with a slash at the end",
    ),
    pytest.param({"image": {"tag": "a b"}}, "at '/image/tag': 'a b' does not match", id="a tag with a space"),
    pytest.param(
        {"engine": {"images": {"amdGpu": "x:1"}}},
        "at '/engine/images': additional properties 'amdGpu' not allowed",
        id="an accelerator that does not exist",
    ),
    pytest.param(
        {"engine": {"images": {"cpu": "docker://sglang"}}},
        "at '/engine/images/cpu': 'docker://sglang' does not match pattern",
        id="an image with a scheme",
    ),
    pytest.param(
        {"imagePullSecrets": ["registry"]},
        "at '/imagePullSecrets/0': got string, want object",
        id="a pull secret without `name`",
    ),
    pytest.param(
        {"privacy": {"requireProof": "no"}},
        "at '/privacy/requireProof': got string, want boolean",
        id="a switch that is a word",
    ),
    pytest.param({"logLevel": "trace"}, "at '/logLevel': value must be one of 'debug'", id="a log level"),
    pytest.param(
        {"existingSecrets": {"rootKey": "My_Key"}},
        "at '/existingSecrets/rootKey': 'My_Key' does not match pattern",
        id="what cannot be the name of a Secret",
    ),
    pytest.param(
        {"bridge": {"extraEgress": [{"ports": [{"port": 443}]}]}},
        "at '/bridge/extraEgress/0': missing property 'to'",
        id="egress to anywhere",
    ),
    pytest.param(
        {"bridge": {"extraEgress": [{"to": [], "ports": [{"port": 443}]}]}},
        "at '/bridge/extraEgress/0/to': minItems",
        id="egress to an empty list, which would mean anywhere",
    ),
    pytest.param(
        {"bridge": {"extraEgress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]}},
        "at '/bridge/extraEgress/0': missing property 'ports'",
        id="egress on all ports",
    ),
    pytest.param(
        {"monitoring": {"podSelector": {"matchLabels": {"app": "prometheus"}}}},
        "name the scraper's in monitoring.namespaceSelector",
        id="a scraper without its namespace",
    ),
    pytest.param(
        {"monitoring": {"namespaceSelector": {"matchLabels": {}}}},
        "at '/monitoring/namespaceSelector/matchLabels': minProperties",
        id="scrapers by no label, which would be all pods",
    ),
    pytest.param(
        {"monitoring": {"namespaceSelector": {"matchExpressions": []}}},
        "at '/monitoring/namespaceSelector/matchExpressions': minItems",
        id="scrapers by no expression, which would be all pods",
    ),
    pytest.param(
        {"image": {"registry": ""}},
        "image.registry is not set: name the registry that holds Drawbridge's images",
        id="no registry",
    ),
    pytest.param(
        {"existingSecrets": {"rootKey": ""}},
        "create them once and name them in existingSecrets.rootKey and existingSecrets.bridgeToken",
        id="a root key that each rendering would make anew",
    ),
    pytest.param(
        {"existingSecrets": {"bridgeToken": ""}},
        "create them once and name them in existingSecrets.rootKey and existingSecrets.bridgeToken",
        id="a bridge token that each rendering would make anew",
    ),
]


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    both = {**base, **changes}
    for key in base.keys() & changes.keys():
        if isinstance(base[key], Mapping) and isinstance(changes[key], Mapping):
            both[key] = _merged(base[key], changes[key])
    return both


@pytest.mark.parametrize(("values", "expected"), WRONG)
def test_wrong_values_are_refused(values: dict[str, Any], expected: str) -> None:
    with pytest.raises(RefusedError) as refused:
        template("drawbridge", _merged(SMALLEST, values))
    assert expected in str(refused.value)


ACCEPTED = [
    pytest.param({"global": {"a": 1}}, id="what a parent chart passes down"),
    pytest.param({"gateway": {"resources": {"limits": None}}}, id="no limits"),
    pytest.param({"gateway": {"resources": {"requests": {"nvidia.com/gpu": 1}}}}, id="any resource"),
    pytest.param({"gateway": {"from": [{"namespaceSelector": {}}]}}, id="all pods of the cluster"),
    pytest.param(
        {"operator": {"image": "localhost/drawbridge/operator:abc"}, "image": {"registry": ""},
         "gateway": {"image": "registry.example.com:5000/gateway:abc"}},
        id="images that name their registry",
    ),
    pytest.param(
        {"bridge": {"enabled": False}, "existingSecrets": {"bridgeToken": ""}},
        id="no token where there is no bridge",
    ),
]  # fmt: skip


@pytest.mark.parametrize("values", ACCEPTED)
def test_right_values_are_accepted(values: dict[str, Any]) -> None:
    template("drawbridge", _merged(SMALLEST, values))


OPEN = {"nodeAffinity", "podAffinity", "podAntiAffinity", "global"}
"""What the API server or another chart checks."""


def _closed(schema: dict[str, Any], path: str) -> Iterator[str]:
    """List the objects of a schema that would let any key pass."""
    if schema.get("type") == "object" and "additionalProperties" not in schema:
        yield path
    for name, child in {**schema.get("properties", {}), **schema.get("definitions", {})}.items():
        yield from _closed(child, f"{path}/{name}")
    if "items" in schema:
        yield from _closed(schema["items"], f"{path}/[]")


def test_no_object_lets_unknown_keys_pass() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    lax = [path for path in _closed(schema, "") if path.rsplit("/", 1)[-1] not in OPEN]
    assert lax == []


def test_every_value_of_the_schema_has_a_default_in_values_yaml() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())

    def missing(node: dict[str, Any], found: dict[str, Any], path: str) -> Iterator[str]:
        for name, child in node.get("properties", {}).items():
            if name not in found:
                yield f"{path}{name}"
            else:
                yield from missing(child, found[name], f"{path}{name}.")

    assert list(missing(schema, defaults, "")) == ["global"]
