"""All children of a pool, in the order in which they are written."""

from drawbridge_operator.kinds import Object
from drawbridge_operator.pool.desired.deployment import KEYS_ANNOTATION, make_deployment
from drawbridge_operator.pool.desired.disruption_budget import make_disruption_budget
from drawbridge_operator.pool.desired.metadata import keys_name
from drawbridge_operator.pool.desired.secret import EngineKeys, derive_keys, make_secret
from drawbridge_operator.pool.desired.service import make_service
from drawbridge_operator.pool.facts import PoolFacts
from drawbridge_operator.pool.pods import PodState
from drawbridge_operator.privacy.networkpolicy import make_network_policy
from drawbridge_operator.settings import Settings


def make_children(facts: PoolFacts, settings: Settings) -> list[Object]:
    """Make the children of a pool.

    The NetworkPolicy comes first, so that no pod exists before it, and the Secret before the pods that
    need it. The Secret is among them only when it may be missing or old: it is never read, so that its
    content cannot be compared. Without an image there is no Deployment. Of a pool that asks for what is not
    implemented, or that is being deleted, only the NetworkPolicy is kept up: what runs stays as it is, and
    isolated. A Deployment written while its pool goes would also get back the owner that
    `kubectl delete --cascade=orphan` has just taken from it.
    """
    pool = facts.pool
    children = [make_network_policy(pool.metadata, settings)]
    if facts.is_left_as_it_is:
        return children
    keys = derive_keys(settings.root_key, pool.metadata.uid)
    if _secret_may_be_old(facts, keys):
        children.append(make_secret(pool, keys))
    if facts.image is not None:
        children.append(
            make_deployment(
                pool,
                image=facts.image,
                keys_fingerprint=keys.fingerprint,
                pull_secrets=settings.engine_pull_secrets,
            )
        )
    return [*children, make_service(pool), make_disruption_budget(pool)]


def _secret_may_be_old(facts: PoolFacts, keys: EngineKeys) -> bool:
    """Tell by what is known of the keys' users: the template's fingerprint, and pods that miss the Secret."""
    if facts.deployment is None:
        return True
    annotations = facts.deployment["spec"]["template"]["metadata"].get("annotations", {})
    name = keys_name(facts.pool)
    missed = any(pod.state is PodState.CONFIG_INVALID and name in pod.detail for pod in facts.pods)
    return missed or annotations.get(KEYS_ANNOTATION) != keys.fingerprint
