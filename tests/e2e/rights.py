"""What a service account may do, by its Roles, and what it did, by the API server's audit log."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tests.cluster.kubectl import get

if TYPE_CHECKING:
    from tests.cluster.interface import Cluster

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class Use:
    """One kind of request that was made."""

    verb: str
    group: str
    resource: str
    """With its subresource, as in `inferencepools/status`."""

    namespace: str
    """Empty: all, or none."""

    name: str


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """One verb on one resource that a Role grants."""

    verb: str
    group: str
    resource: str
    namespace: str
    """Empty: all."""

    names: tuple[str, ...]
    """Empty: all."""

    def covers(self, use: Use) -> bool:
        """Tell whether it allows the request."""
        return (
            (self.verb, self.group, self.resource) == (use.verb, use.group, use.resource)
            and self.namespace in {"", use.namespace}
            and (not self.names or use.name in self.names)
        )


def granted(cluster: "Cluster", namespace: str, account: str) -> set[Right]:
    """Read all rights that bindings give to a service account by its name."""
    kinds = "roles,clusterroles,rolebindings,clusterrolebindings"
    found: list[Object] = get(cluster, kinds, "--all-namespaces")["items"]
    rules = {(o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]): o for o in found}
    rights: set[Right] = set()
    for binding in found:
        subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
        if subject not in binding.get("subjects", ()):
            continue
        scope, ref = binding["metadata"].get("namespace", ""), binding["roleRef"]
        role = rules[ref["kind"], scope if ref["kind"] == "Role" else "", ref["name"]]
        rights |= set(rights_of(role["rules"], scope))
    return rights


def rights_of(rules: Iterable[Object], namespace: str) -> Iterator[Right]:
    """Take a Role's rules apart."""
    for rule in rules:
        assert not rule.get("nonResourceURLs"), "no account of ours needs one"
        for group in rule.get("apiGroups", ()):
            for resource in rule.get("resources", ()):
                for verb in rule["verbs"]:
                    yield Right(verb, group, resource, namespace, tuple(rule.get("resourceNames", ())))


def uses(event: Object) -> Iterator[Use]:
    """Read the rights that an audited request needed.

    A server-side apply that made its object needed `create` beside `patch`.
    """
    ref = event.get("objectRef")
    if ref is None:
        return  # discovery and health, open to everyone
    resource = "/".join(filter(None, (ref["resource"], ref.get("subresource"))))
    verbs = [event["verb"]]
    if event["verb"] == "patch" and event["responseStatus"].get("code") == HTTPStatus.CREATED:
        verbs.append("create")
    for verb in verbs:
        yield Use(verb, ref.get("apiGroup", ""), resource, ref.get("namespace", ""), ref.get("name", ""))


def was_forbidden(event: Object) -> bool:
    """Tell whether the API server refused the request for want of a right."""
    refused: bool = event["responseStatus"].get("code") == HTTPStatus.FORBIDDEN
    return refused and event.get("annotations", {}).get("authorization.k8s.io/decision") == "forbid"
