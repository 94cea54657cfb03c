"""What the NetworkPolicies say: who reaches whom. That a cluster enforces them is for `helm test` and e2e."""

import json
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
import yaml

from tests.contract.charts.chart import (
    CHARTS,
    SMALLEST,
    Object,
    RefusedError,
    named,
    objects,
    objects_of,
    of_kind,
    pod_of,
    run_helm,
    value_sets,
)
from tests.documentation import blocks_of


def _policy(values: str, component: str) -> Any:
    return named(objects_of(values), "NetworkPolicy", f"drawbridge-{component}")["spec"]


def _selects(selector: Object, labels: dict[str, str]) -> bool:
    assert set(selector) <= {"matchLabels"}
    wanted: dict[str, str] = selector.get("matchLabels", {})
    return wanted.items() <= labels.items()


def _reaches(policy: Object, address: str, port: int) -> bool:
    """Tell whether an egress rule lets a pod reach an address outside the cluster on a TCP port."""
    blocks = [
        peer["ipBlock"]
        for rule in policy["egress"]
        if {"protocol": "TCP", "port": port} in rule["ports"]
        for peer in rule["to"]
        if "ipBlock" in peer
    ]
    target = ip_address(address)
    return any(
        target in ip_network(block["cidr"])
        and not any(target in ip_network(excepted) for excepted in block.get("except", []))
        for block in blocks
        if ip_network(block["cidr"]).version == target.version
    )


@pytest.mark.parametrize("name", value_sets())
def test_every_deployment_has_one_policy_for_both_directions(name: str) -> None:
    found = objects_of(name)
    for deployment in of_kind(found, "Deployment"):
        labels = pod_of(deployment)["metadata"]["labels"]
        [policy] = [p for p in of_kind(found, "NetworkPolicy") if _selects(p["spec"]["podSelector"], labels)]
        assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]


@pytest.mark.parametrize("name", value_sets())
def test_no_rule_is_open_by_omission(name: str) -> None:
    for policy in of_kind(objects_of(name), "NetworkPolicy"):
        for rule in policy["spec"]["egress"]:
            assert rule["to"], policy["metadata"]["name"]
            assert rule["ports"], policy["metadata"]["name"]
        for rule in policy["spec"].get("ingress", []):
            assert rule["ports"], policy["metadata"]["name"]


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("10.0.0.1", id="private"),
        pytest.param("172.31.255.255", id="private, end of the second range"),
        pytest.param("192.168.1.1", id="private, third range"),
        pytest.param("100.64.0.1", id="shared, used by cloud providers for pods and metadata"),
        pytest.param("169.254.169.254", id="metadata service"),
        pytest.param("168.63.129.16", id="metadata service of Azure"),
        pytest.param("127.0.0.1", id="loopback"),
        pytest.param("198.18.0.5", id="benchmarking"),
        pytest.param("224.0.0.251", id="multicast"),
        pytest.param("255.255.255.255", id="broadcast"),
        pytest.param("::1", id="IPv6 loopback"),
        pytest.param("fd00:ec2::254", id="IPv6 metadata service, private"),
        pytest.param("fe80::1", id="IPv6 link-local"),
        pytest.param("ff02::1", id="IPv6 multicast"),
    ],
)
def test_bridge_cannot_reach_what_is_not_public(address: str) -> None:
    assert not _reaches(_policy("smallest", "bridge"), address, 443)


@pytest.mark.parametrize("address", ["1.1.1.1", "172.32.0.1", "100.63.255.255", "2606:4700::1111"])
def test_bridge_reaches_public_addresses_on_443_only(address: str) -> None:
    assert _reaches(_policy("smallest", "bridge"), address, 443)
    for port in (22, 80, 6443, 8443):
        assert not _reaches(_policy("smallest", "bridge"), address, port)


def test_extra_egress_is_added_to_the_bridge_alone() -> None:
    assert _reaches(_policy("everything", "bridge"), "10.20.0.7", 443)
    assert not _reaches(_policy("everything", "gateway"), "10.20.0.7", 443)


@pytest.mark.parametrize("name", value_sets())
def test_gateway_has_no_way_out(name: str) -> None:
    for port in (53, 80, 443, 8000, 8080):
        assert not _reaches(_policy(name, "gateway"), "1.1.1.1", port)
        assert not _reaches(_policy(name, "gateway"), "10.0.0.1", port)


@pytest.mark.parametrize("name", ["smallest", "everything"])
def test_bridge_admits_wearers_of_its_label_in_its_own_namespace(name: str) -> None:
    [rule] = [
        r for r in _policy(name, "bridge")["ingress"] if {"protocol": "TCP", "port": 8080} in r["ports"]
    ]
    assert rule["from"] == [{"podSelector": {"matchLabels": {"drawbridge.dev/bridge-client": "true"}}}]


@pytest.mark.parametrize("name", ["smallest", "everything"])
def test_label_of_a_bridge_client_is_worn_by_gateway_operator_and_the_control(name: str) -> None:
    wearers = {
        item["metadata"]["name"]
        for item in of_kind(objects_of(name), "Deployment", "Pod")
        if "drawbridge.dev/bridge-client" in pod_of(item)["metadata"]["labels"]
    }
    assert wearers == {"drawbridge-gateway", "drawbridge-operator", "drawbridge-test-bridge-open"}


OPERATOR = {
    "podSelector": {
        "matchLabels": {
            "app.kubernetes.io/name": "drawbridge",
            "app.kubernetes.io/instance": "drawbridge",
            "app.kubernetes.io/component": "operator",
        }
    }
}


@pytest.mark.parametrize(
    ("component", "peers"),
    [
        pytest.param("gateway", [OPERATOR], id="the operator asks the gateway what it has loaded"),
        pytest.param("bridge", [], id="nobody asks the bridge"),
        pytest.param("operator", [], id="nobody asks the operator"),
    ],
)
def test_who_reaches_metrics_and_status_by_default(component: str, peers: list[Object]) -> None:
    rules = _policy("smallest", component).get("ingress", [])
    admitted = [rule["from"] for rule in rules if {"protocol": "TCP", "port": 9090} in rule["ports"]]
    assert admitted == [[peer] for peer in peers]


@pytest.mark.parametrize("name", value_sets())
def test_operator_may_ask_the_gateways(name: str) -> None:
    labels = pod_of(named(objects_of(name), "Deployment", "drawbridge-gateway"))["metadata"]["labels"]
    [rule] = [
        r for r in _policy(name, "operator")["egress"] if {"protocol": "TCP", "port": 9090} in r["ports"]
    ]
    assert rule["ports"] == [{"protocol": "TCP", "port": 9090}]
    [peer] = rule["to"]
    assert list(peer) == ["podSelector"]
    assert _selects(peer["podSelector"], labels)


@pytest.mark.parametrize("component", ["gateway", "bridge", "operator"])
def test_monitoring_scrapes_where_it_is_named(component: str) -> None:
    peer = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}},
    }
    rules = _policy("everything", component)["ingress"]
    assert {"from": [peer], "ports": [{"protocol": "TCP", "port": 9090}]} in rules


def _monitored_by(peer: Object) -> tuple[list[list[Object]], str]:
    """Render the chart for a peer; returns who reaches port 9090 of the bridge and what the operator knows.

    Without the schema, which a user may skip and which refuses some of these by itself.
    """
    found = objects(
        run_helm("template", "drawbridge", str(CHARTS / "drawbridge"), "--skip-schema-validation",
                 values={**SMALLEST, "monitoring": peer})
    )  # fmt: skip
    rules = named(found, "NetworkPolicy", "drawbridge-bridge")["spec"]["ingress"]
    [container] = pod_of(named(found, "Deployment", "drawbridge-operator"))["spec"]["containers"]
    told = {variable["name"]: variable.get("value", "") for variable in container["env"]}
    admitted = [r["from"] for r in rules if {"protocol": "TCP", "port": 9090} in r["ports"]]
    return admitted, told.get("DRAWBRIDGE_MONITORING_PEER", "")


@pytest.mark.parametrize(
    "selector",
    [
        pytest.param({"matchLabels": {}}, id="no label"),
        pytest.param({"matchExpressions": []}, id="no expression"),
        pytest.param({"matchLabels": {}, "matchExpressions": []}, id="neither"),
    ],
)
def test_selectors_that_are_empty_inside_let_nobody_scrape(selector: Object) -> None:
    assert _monitored_by({"namespaceSelector": selector}) == ([], "")
    assert _monitored_by({"namespaceSelector": selector, "podSelector": selector}) == ([], "")
    with pytest.raises(RefusedError, match=r"monitoring\.podSelector alone"):
        _monitored_by({"namespaceSelector": selector, "podSelector": {"matchLabels": {"app": "prometheus"}}})


def test_monitoring_peer_is_written_as_the_api_server_stores_it() -> None:
    exists = {"key": "team", "operator": "Exists"}
    among = {"key": "team", "operator": "In", "values": ["a"]}
    admitted, told = _monitored_by(
        {
            "namespaceSelector": {"matchLabels": {}, "matchExpressions": [{**exists, "values": []}, among]},
            "podSelector": {"matchLabels": {"app": "prometheus"}, "matchExpressions": []},
        }
    )
    peer = {
        "namespaceSelector": {"matchExpressions": [exists, among]},
        "podSelector": {"matchLabels": {"app": "prometheus"}},
    }
    assert admitted == [[peer]]
    assert json.loads(told) == peer


def test_restricting_the_clients_keeps_helm_test_working() -> None:
    [rule, *_] = _policy("everything", "gateway")["ingress"]
    found = objects_of("everything")
    labels = named(found, "Pod", "drawbridge-test-bridge-closed")["metadata"]["labels"]
    assert any("podSelector" in p and _selects(p["podSelector"], labels) for p in rule["from"])


def test_without_a_bridge_nothing_asks_a_name_server() -> None:
    for component in ("gateway", "operator"):
        ports = {p["port"] for rule in _policy("air-gapped", component)["egress"] for p in rule["ports"]}
        assert not ports & {53, 5353}


def test_the_policy_for_cilium_on_the_page_selects_our_pods() -> None:
    [block] = [b for b in blocks_of("docs/compatibility.md") if "CiliumNetworkPolicy" in b.text]
    selector = yaml.safe_load(block.text)["spec"]["endpointSelector"]
    [expression] = selector["matchExpressions"]
    pods = [pod_of(deployment) for deployment in of_kind(objects_of("everything"), "Deployment")]
    labels = [pod["metadata"]["labels"] for pod in pods]
    wanted = selector["matchLabels"].items()
    assert {pod[expression["key"]] for pod in labels if wanted <= pod.items()} == set(expression["values"])
