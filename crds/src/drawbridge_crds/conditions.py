"""Conditions of both resources: their types, every reason with its meaning, and how they are merged.

Follows metav1.Condition: machine-readable reason, message for a person, and a transition time
that moves only when the status does. Messages carry no times, so that equal facts give equal bytes.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field

from drawbridge_crds.rules import StatusModel
from drawbridge_crds.values import map_by

MAX_MESSAGE_CHARS = 1024
"""Our bound (metav1.Condition allows 32,768): a message is one or two sentences for a terminal."""


class ConditionType(StrEnum):
    """Condition types of both resources."""

    ACCEPTED = "Accepted"
    """The resource is valid and the operator acts on it."""

    MODEL_READY = "ModelReady"
    """The model's weights can be mounted."""

    AVAILABLE = "Available"
    """At least one replica answers requests."""

    PROGRESSING = "Progressing"
    """A change is being rolled out."""

    ACCELERATOR_DEGRADED = "AcceleratorDegraded"
    """CPUs serve while no GPU can be had. Absent: the CPU fallback is not built yet."""

    PRIVACY_ENFORCED = "PrivacyEnforced"
    """Isolation is measured and fresh. Present on Strict pools only."""

    RESOLVED_REFS = "ResolvedRefs"
    """Everything the policy names exists."""

    CREDENTIALS_READABLE = "CredentialsReadable"
    """The bridge can read the Secret of every cloud. Present where a cloud is named."""

    PROGRAMMED = "Programmed"
    """Every ready gateway has loaded the policy's snapshot."""

    READY = "Ready"
    """The summary: the resource does what its spec asks."""


class Reason(StrEnum):
    """Every reason a condition may give."""

    ACCEPTED = "Accepted"
    """Valid, and acted on."""
    INVALID = "Invalid"
    """The stored object does not parse, as it was written under another version of the schema; or a policy
    is, compiled, too large for a ConfigMap."""
    NOT_IMPLEMENTED = "NotImplemented"
    """A setting is valid, and nothing acts on it yet. A pool with one is left as it is. A policy with one
    counts as none, but for its privacy. Where the policy cannot send a request anywhere it should not go
    without the setting, the rest of it stays in force."""
    TERMINATING = "Terminating"
    """The pool is being deleted: nothing is made or changed for it any more, and what runs stays isolated."""
    CHILD_CONFLICT = "ChildConflict"
    """An object with a child's name exists and belongs to someone else; it is left alone."""
    CHILD_REFUSED = "ChildRefused"
    """The API server refuses a child: admission, quota or validation."""
    CLOUDS_EXCLUDED = "CloudsExcluded"
    """The policy names clouds that privacy forbids; they are never used."""
    NO_BACKEND = "NoBackend"
    """A route is Strict and names clouds only, so that its requests are always refused."""

    MODEL_FOUND = "ModelFound"
    """The claim exists and is bound, or will be bound when a pod uses it."""
    CLAIM_NOT_FOUND = "ClaimNotFound"
    """The PersistentVolumeClaim of the model does not exist in the pool's namespace."""
    CLAIM_PENDING = "ClaimPending"
    """The claim exists but no volume is bound to it."""
    CLAIM_LOST = "ClaimLost"
    """The claim's volume is gone."""
    CLAIM_TERMINATING = "ClaimTerminating"
    """The claim is being deleted: running replicas keep it, new ones cannot mount it."""

    REPLICAS_READY = "ReplicasReady"
    """Every wanted replica is ready."""
    MINIMUM_AVAILABLE = "MinimumAvailable"
    """Some replicas answer, fewer than wanted."""
    SCALED_TO_ZERO = "ScaledToZero"
    """No replica is wanted and none runs."""
    PODS_STARTING = "PodsStarting"
    """Replicas are loading the model."""
    POD_UNSCHEDULABLE = "PodUnschedulable"
    """No node can take a replica."""
    IMAGE_PULL_FAILED = "ImagePullFailed"
    """The engine image cannot be pulled."""
    ENGINE_CRASHING = "EngineCrashing"
    """The engine exits again and again."""
    VOLUME_ELSEWHERE = "VolumeElsewhere"
    """The model's volume is attached to another node than the one a replica is to run on."""
    NODE_UNREACHABLE = "NodeUnreachable"
    """The node of a replica does not report any more."""
    ENGINE_UNHEALTHY = "EngineUnhealthy"
    """The engine runs, has been ready, and does not answer its health check."""
    INJECTION_NOT_READY = "InjectionNotReady"
    """A webhook added a sidecar, an init container or a readiness gate that is not ready, or fails."""
    PODS_FAILED = "PodsFailed"
    """Nodes end replicas: eviction, shutdown, or a device that could not be given."""
    CONTAINER_CONFIG_INVALID = "ContainerConfigInvalid"
    """The kubelet cannot make the container: an object it names is missing, or the image forbids it."""
    PODS_REFUSED = "PodsRefused"
    """The API server refuses the pods: quota, Pod Security or an admission policy."""
    ENGINE_IMAGE_UNKNOWN = "EngineImageUnknown"
    """No engine image is set, neither in the pool nor in the operator's settings."""
    ROLLING_OUT = "RollingOut"
    """Old and new replicas coexist."""
    ROLLOUT_COMPLETE = "RolloutComplete"
    """Every replica runs the current spec."""
    ROLLOUT_PAUSED = "RolloutPaused"
    """Someone paused the Deployment: changes wait."""
    ROLLOUT_STALLED = "RolloutStalled"
    """The rollout made no progress within its deadline."""

    NOT_MEASURED = "NotMeasured"
    """Isolation was never measured: strict traffic is refused."""

    REFS_RESOLVED = "RefsResolved"
    """All pools and ConfigMaps exist."""
    POOL_NOT_FOUND = "PoolNotFound"
    """A route names a pool that does not exist."""
    POOL_NOT_STRICT = "PoolNotStrict"
    """Strict traffic is routed to a Standard pool, which never answers it."""
    MODEL_NOT_LISTED = "ModelNotListed"
    """A match names a model that the policy does not list: nobody can ask for it."""
    CONFIG_MAP_NOT_FOUND = "ConfigMapNotFound"
    """A ConfigMap or a key in it is missing."""
    CONFIG_MAP_INVALID = "ConfigMapInvalid"
    """A ConfigMap that should hold a cloud's authorities holds no PEM certificates that can be read."""
    KEYS_INVALID = "KeysInvalid"
    """A ConfigMap of API keys holds entries that do not parse, or there are more keys than gateways take;
    the others work."""

    CREDENTIALS_READABLE = "CredentialsReadable"
    """The bridge read every Secret."""
    SECRET_NOT_FOUND = "SecretNotFound"  # noqa: S105 - a reason, not a secret
    """The Secret, or the key in it, does not exist."""
    SECRET_FORBIDDEN = "SecretForbidden"  # noqa: S105 - a reason, not a secret
    """The tenant has not granted the bridge the right to read the Secret."""
    SECRET_UNUSABLE = "SecretUnusable"  # noqa: S105 - a reason, not a secret
    """The bridge gets no API key from the Secret: it holds none, or the API server did not give it."""
    NO_BRIDGE = "NoBridge"
    """No bridge is installed: no cloud answers."""
    BRIDGE_UNREACHABLE = "BridgeUnreachable"
    """The bridge did not say whether it can read the Secrets."""

    PROGRAMMED = "Programmed"
    """All gateways have loaded the snapshot in force."""
    SNAPSHOT_REFUSED = "SnapshotRefused"
    """The API server refuses the ConfigMap that gateways load: what was in force stays in force."""
    LOADING = "Loading"
    """Some gateways have not loaded it yet, or refuse it."""
    NO_GATEWAYS = "NoGateways"
    """No gateway is ready."""
    GATEWAY_UNREACHABLE = "GatewayUnreachable"
    """A gateway did not say what it has loaded."""

    READY = "Ready"
    """Nothing stands against it. Of a pool: every wanted replica answers and runs the current spec, so that
    Progressing is False. Of a policy: all other conditions are True."""


ConditionStatus = Literal["True", "False", "Unknown"]


class Condition(StatusModel):
    """One metav1.Condition."""

    type: str
    """The type of the condition, which says what it is about."""

    status: ConditionStatus
    """Whether what the type names holds."""

    reason: str
    """Why the status is what it is, in one word for machines."""

    message: Annotated[str, Field(max_length=MAX_MESSAGE_CHARS)] = ""
    """Why the status is what it is and what to do, for people."""

    observed_generation: int = 0
    """The generation of the spec that the condition is about."""

    last_transition_time: str = ""
    """When the status of the condition last changed."""

    @classmethod
    def of(cls, kind: ConditionType, status: ConditionStatus, reason: Reason, message: str) -> Self:
        """Make a condition without its times; `merge_conditions` fills those in."""
        return cls(type=kind, status=status, reason=reason, message=shorten(message))


Conditions = Annotated[tuple[Condition, ...], Field(max_length=16, json_schema_extra=map_by("type"))]
"""All conditions of an object, one of each type."""


def shorten(message: str) -> str:
    """Cut a message to MAX_MESSAGE_CHARS, marking the cut."""
    return message if len(message) <= MAX_MESSAGE_CHARS else message[: MAX_MESSAGE_CHARS - 1] + "…"


def merge_conditions(
    old: Iterable[Condition], new: Iterable[Condition], *, generation: int, now: datetime
) -> list[Condition]:
    """Return `new`, sorted by type, keeping the transition time of every condition whose status stands.

    Conditions that `new` lacks are dropped: a condition that no longer applies is absent, not stale.
    """
    before = {condition.type: condition for condition in old}
    stamp = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    merged = []
    for condition in sorted(new, key=lambda c: c.type):
        previous = before.get(condition.type)
        kept = previous is not None and previous.status == condition.status
        time = previous.last_transition_time if kept and previous is not None else stamp
        merged.append(
            condition.model_copy(update={"observed_generation": generation, "last_transition_time": time})
        )
    return merged
