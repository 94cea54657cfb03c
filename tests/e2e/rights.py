"""What a service account may do, by its Roles, and what it did, by the API server's audit log."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from tests.cluster.kubectl import get

if TYPE_CHECKING:
    from tests.cluster.interface import Cluster

Object = Mapping[str, Any]

NAMED_VERBS: Final = frozenset({"get", "update", "patch", "delete"})
"""Verbs whose requests name one object, so that `resourceNames` can narrow them."""

ONE_NAME: Final = frozenset({"routingpolicies", "routingpolicies/status"})
"""Resources whose objects have one name: a policy is called `default`, by a rule of its definition."""


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
    """One verb on one resource that a Role grants: all objects of it, or one."""

    verb: str
    group: str
    resource: str
    namespace: str
    """Empty: all."""

    name: str
    """Empty: all."""

    def covers(self, use: Use) -> bool:
        """Tell whether it allows the request."""
        return (
            (self.verb, self.group, self.resource) == (use.verb, use.group, use.resource)
            and self.namespace in {"", use.namespace}
            and self.name in {"", use.name}
        )


def granted(cluster: "Cluster", namespace: str, account: str) -> list[Right]:
    """Read all rights of a service account."""
    kinds = "roles,clusterroles,rolebindings,clusterrolebindings"
    return list(rights_by(get(cluster, kinds, "--all-namespaces")["items"], namespace, account))


def rights_by(found: Collection[Object], namespace: str, account: str) -> Iterator[Right]:
    """Pick an account's rights out of all roles and bindings; one that is granted twice comes twice."""
    rules = {
        (o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]): o.get("rules") for o in found
    }
    for binding in found:
        if _is_to(binding, namespace, account):
            scope, ref = binding["metadata"].get("namespace", ""), binding["roleRef"]
            role = rules.get((ref["kind"], scope if ref["kind"] == "Role" else "", ref["name"]))
            yield from rights_of(role or (), scope)


def _is_to(binding: Object, namespace: str, account: str) -> bool:
    """Tell whether a binding is to an account, as itself, as a user or as one of a group.

    What the API server itself grants to the groups of every account is the cluster's: discovery, questions
    about one's own rights.
    """
    who = {
        ("ServiceAccount", namespace, account),
        ("User", "", f"system:serviceaccount:{namespace}:{account}"),
    }
    labels = binding["metadata"].get("labels", {})
    if labels.get("kubernetes.io/bootstrapping") != "rbac-defaults":
        groups = ("system:authenticated", "system:serviceaccounts", f"system:serviceaccounts:{namespace}")
        who |= {("Group", "", group) for group in groups}
    return any((s["kind"], s.get("namespace", ""), s["name"]) in who for s in binding.get("subjects") or ())


def rights_of(rules: Iterable[Object], namespace: str) -> Iterator[Right]:
    """Take a Role's rules apart."""
    for rule in rules:
        assert not rule.get("nonResourceURLs"), "no account of ours needs one"
        for group in rule.get("apiGroups", ()):
            for resource in rule.get("resources", ()):
                for verb in rule["verbs"]:
                    for name in rule.get("resourceNames") or ("",):
                        yield Right(verb, group, resource, namespace, name)


def excess(rights: Sequence[Right], used: Collection[Use], known: Collection[str]) -> list[str]:
    """Tell which rights are more than what was done needs, and why.

    `known` are the namespaces that exist where the chart is installed, so that it can put a Role there.
    """
    found = []
    for place, right in enumerate(rights):
        others = [*rights[:place], *rights[place + 1 :]]
        if why := _too_much(right, others, [use for use in used if right.covers(use)], known):
            found.append(f"{right}: {why}")
    return found


def _too_much(right: Right, others: Iterable[Right], uses: Collection[Use], known: Collection[str]) -> str:
    """Say what is too much of a right that was used like this; "": nothing."""
    namespaces, names = {use.namespace for use in uses}, {use.name for use in uses}
    if not namespaces:
        return "never used"
    if all(any(other.covers(use) for other in others) for use in uses):
        return "all that it was used for, others allow too"
    if right.namespace == "" and namespaces <= set(known):
        return f"used in {' and '.join(sorted(namespaces))} only, where Roles are enough"
    if right.name == "" and right.verb in NAMED_VERBS and right.resource not in ONE_NAME and len(names) == 1:
        return f"used on {names.pop()} only, which resourceNames can name"
    return ""


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
