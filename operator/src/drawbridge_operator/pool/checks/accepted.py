"""Accepted: the pool is valid and the operator acts on it."""

import re
from collections.abc import Sequence
from typing import Final

from drawbridge_crds.conditions import Reason
from drawbridge_crds.findings import explain_not_implemented
from drawbridge_crds.names import API_VERSION
from drawbridge_crds.pool import InferencePool

from drawbridge_operator.kinds import Object
from drawbridge_operator.pool.admission import explain_refusal
from drawbridge_operator.pool.checks.verdict import Check, Verdict
from drawbridge_operator.pool.facts import PoolFacts, is_own

_REFUSED_WRITE: Final = re.compile(r'[A-Z]+ (\w+ "[^"]*"): \d{3} (.*)', re.DOTALL)
"""The message of a ClusterError: verb, object, status, the server's own words."""


def foreign_children(facts: PoolFacts) -> list[Object]:
    """Return the objects that lie where a child should, and are not this pool's."""
    return [child for child in facts.children.values() if not is_own(facts.pool, child)]


def pool_is_going(facts: PoolFacts) -> Verdict | None:
    """Find a pool that is being deleted."""
    if not facts.is_going:
        return None
    return Verdict(
        "False",
        Reason.TERMINATING,
        "the pool is being deleted: nothing is made or changed for it any more, and what still runs stays "
        "isolated; if it does not go, see its metadata.finalizers",
    )


def setting_is_not_implemented(facts: PoolFacts) -> Verdict | None:
    """Find settings that nothing acts on yet."""
    missing = facts.not_implemented
    if not missing:
        return None
    return Verdict(
        "False",
        Reason.NOT_IMPLEMENTED,
        explain_not_implemented(missing, "until then the pool is left as it is"),
    )


def child_is_foreign(facts: PoolFacts) -> Verdict | None:
    """Find children that belong to someone else."""
    foreign = sorted(_describe(child, facts.pool) for child in foreign_children(facts))
    if not foreign:
        return None
    return Verdict("False", Reason.CHILD_CONFLICT, "; ".join(foreign))


def _describe(child: Object, pool: InferencePool) -> str:
    metadata = child["metadata"]
    what = f'{child["kind"]} "{metadata["name"]}"'
    owners: Sequence[Object] = metadata.get("ownerReferences", ())
    owner = next((o for o in owners if o.get("controller")), None)
    if owner is None:
        return f"{what} exists and was not made for this pool; delete it, or give the pool another name"
    if (owner["apiVersion"], owner["kind"]) == (API_VERSION, pool.kind):
        return f"{what} belongs to a deleted pool of this name; it goes with its owner, or delete it"
    return f'{what} belongs to {owner["kind"]} "{owner["name"]}"; remove that, or give the pool another name'


def child_was_refused(facts: PoolFacts) -> Verdict | None:
    """Find a child that the API server refuses."""
    if not facts.refusal:
        return None
    error = _REFUSED_WRITE.fullmatch(facts.refusal)
    told = f"{error[1]}: {explain_refusal(error[2])}" if error else facts.refusal
    return Verdict("False", Reason.CHILD_REFUSED, f"the API server refuses {told}")


def nothing_stands_against_it(_: PoolFacts) -> Verdict | None:
    """Find, in the end, that the pool is accepted."""
    return Verdict("True", Reason.ACCEPTED, "")


CHAIN: Final[Sequence[Check]] = (
    pool_is_going,
    setting_is_not_implemented,
    child_is_foreign,
    child_was_refused,
    nothing_stands_against_it,
)
