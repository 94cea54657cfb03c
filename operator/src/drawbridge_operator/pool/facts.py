"""All that one reconcile of a pool may look at, read before the first decision."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from drawbridge_crds.pool import InferencePool
from drawbridge_crds.privacy import Privacy
from drawbridge_crds.rules import Unimplemented, unimplemented

from drawbridge_operator.kinds import DEPLOYMENT, NETWORK_POLICY, Object
from drawbridge_operator.pool.image import EngineImage
from drawbridge_operator.pool.pods import EnginePod, PodState
from drawbridge_operator.privacy.networkpolicy import is_policy_of


@dataclass(frozen=True)  # without slots: what is derived from the whole spec is kept
class PoolFacts:
    """One pool and its surroundings at one moment. Nothing in it is a judgement."""

    pool: InferencePool
    """Without its status: what is true is read from the world, never from what was written of it."""

    floor: Privacy
    """Of the pool's namespace."""

    image: EngineImage | None
    """None: there is no image to run."""

    claim: Object | None
    """The PersistentVolumeClaim of the model; None: there is none."""

    children: Mapping[str, Object] = field(default_factory=dict)
    """Objects that have the names of the pool's children, by kind, whoever made them. The Secret of
    the engine keys is never among them: it is not read."""

    pods: tuple[EnginePod, ...] = ()
    """Of this pool alone. Without a Deployment they are read after the writes, for the status alone."""

    refusal: str = ""
    """What the API server answered when it refused a child in this very reconcile."""

    @property
    def wanted(self) -> int:
        """Replicas asked for; of a pool that is left as it is, those that its Deployment has."""
        if self.is_left_as_it_is and self.deployment is not None:
            replicas: int = self.deployment["spec"]["replicas"]
            return replicas
        return self.pool.spec.wanted_replicas

    @cached_property
    def not_implemented(self) -> list[Unimplemented]:
        """Settings of the pool that nothing acts on yet. With any, the pool is left as it is."""
        return unimplemented(self.pool.spec)

    @property
    def is_going(self) -> bool:
        """Whether the pool is being deleted, and still there as a finalizer holds it."""
        return self.pool.metadata.deletion_timestamp is not None

    @property
    def is_left_as_it_is(self) -> bool:
        """Whether only the NetworkPolicy of its children is written: what runs stays as it is, isolated."""
        return self.is_going or bool(self.not_implemented)

    @property
    def ready(self) -> int:
        """Replicas that answer."""
        return self.count(PodState.READY)

    @property
    def alive(self) -> int:
        """Replicas that answer or may answer yet."""
        return len(self.pods) - self.count(PodState.STOPPING) - self.count(PodState.FAILED)

    @property
    def deployment(self) -> Object | None:
        """The pool's own Deployment."""
        deployment = self.children.get(DEPLOYMENT.kind)
        return deployment if deployment is not None and is_own(self.pool, deployment) else None

    def count(self, state: PodState) -> int:
        """Count the pods in a state."""
        return sum(pod.state is state for pod in self.pods)


def is_own(pool: InferencePool, child: Object) -> bool:
    """Tell whether an object is controlled by this very pool; one of the same name is another.

    The NetworkPolicy belongs to the name, as it outlives the pool.
    """
    if child["kind"] == NETWORK_POLICY.kind:
        return is_policy_of(child, pool.metadata.name)
    owners = child["metadata"].get("ownerReferences", ())
    return any(owner.get("controller") and owner["uid"] == pool.metadata.uid for owner in owners)
