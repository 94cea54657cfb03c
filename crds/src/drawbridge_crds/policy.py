"""RoutingPolicy: who is answered by what."""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StrictInt

from drawbridge_crds.cloud import Cloud
from drawbridge_crds.conditions import Conditions
from drawbridge_crds.names import API_VERSION, DEFAULT_POLICY
from drawbridge_crds.privacy import Privacy
from drawbridge_crds.route import BackendType, Route, named_backends
from drawbridge_crds.rules import Metadata, NotYet, Rule, SpecModel, StatusModel
from drawbridge_crds.values import Label, ModelName, Money, as_set, atomic, map_by


class ServiceAccounts(SpecModel):
    """Tokens of ServiceAccounts of this namespace as keys."""

    audience: Annotated[str, Field(min_length=1, max_length=253)]
    """The audience that a ServiceAccount's token must be issued for."""


class Auth(SpecModel):
    """Who may ask, beside API keys."""

    service_accounts: ServiceAccounts | None = None
    """Lets ServiceAccounts of this namespace ask with their tokens, as others do with API keys."""

    not_yet: ClassVar = (
        NotYet("serviceAccounts", lambda self: self.service_accounts is not None, guards=False),
    )


class LocalCost(SpecModel):
    """What the cluster's own models cost, for savings and break-even."""

    monthly_fixed: Money
    """What the cluster's own models cost in a month, in the policy's currency."""


class ClassificationMode(StrEnum):
    """Where a request's task comes from when no header names it."""

    BUILTIN = "Builtin"
    """From the request's structure. Not built yet: such requests have no task."""
    HEADER_ONLY = "HeaderOnly"
    """From nowhere: such requests have no task."""


class Classification(SpecModel):
    """How a request's task is found. An explicit header always wins."""

    header: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9-]+$")] = "x-drawbridge-task"
    """The request's header that names its task; written here in lower case, whatever clients write."""

    mode: ClassificationMode = ClassificationMode.BUILTIN
    """Where the task of a request comes from when no header names it."""


class Limits(SpecModel):
    """Bounds on each API key."""

    requests_per_minute: Annotated[StrictInt, Field(ge=1, le=1_000_000_000)] | None = None
    """How many requests a key may send in a minute."""

    tokens_per_minute: Annotated[StrictInt, Field(ge=1, le=1_000_000_000)] | None = None
    """How many tokens of prompts and answers a key may use in a minute."""

    max_in_flight: Annotated[StrictInt, Field(ge=1, le=1_000_000)] | None = None
    """How many requests of a key may be in progress at once."""

    max_body_bytes: Annotated[StrictInt, Field(ge=1, le=1_073_741_824)] | None = None
    """How many bytes the body of a request may have."""


class Period(StrEnum):
    """How often a budget begins anew."""

    DAY = "Day"
    """At midnight, UTC."""
    MONTH = "Month"
    """On the first, at midnight, UTC."""


class OnExceeded(StrEnum):
    """What follows when a budget is spent."""

    LOCAL_ONLY = "LocalOnly"
    """Clouds are not used; pools still answer."""
    DENY = "Deny"
    """Requests are refused."""


class Budget(SpecModel):
    """What the namespace may spend on clouds in a period, in the policy's currency."""

    period: Period
    """How often the budget begins anew."""

    amount: Money
    """How much clouds may cost in one period, in the policy's currency."""

    on_exceeded: OnExceeded = OnExceeded.LOCAL_ONLY
    """What becomes of requests when the budget is spent."""


class Batch(SpecModel):
    """How batches are worked off."""

    parallel: Annotated[StrictInt, Field(ge=1, le=256)] = 4
    """How many requests of a batch are answered at once."""


class RoutingPolicySpec(SpecModel):
    """What a person asks for. Only `routes` is required."""

    models: Annotated[
        tuple[ModelName, ...], Field(min_length=1, max_length=64, json_schema_extra=as_set())
    ] = ("auto",)
    """Names that clients may ask for. A pool's name means that pool, and no cloud unless a route's match
    lists the name; all other names go through the routes."""

    privacy: Privacy = Privacy.STANDARD
    """How far requests of this namespace may reach; with Strict the policy may name no cloud. In force is the
    stricter of this and the namespace's floor (label drawbridge.dev/privacy-floor)."""

    auth: Auth = Auth()
    """Who may ask, beside those who have an API key."""

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$", max_length=3)] = "USD"
    """The currency of all prices and amounts of this policy (ISO 4217)."""

    local_cost: LocalCost | None = None
    """What the cluster's own models cost, for reports of savings and break-even."""

    allowed_residencies: Annotated[tuple[Label, ...], Field(max_length=16, json_schema_extra=as_set())] = ()
    """Where clouds may process requests: each cloud must have one of these as its residency. Unset:
    anywhere."""

    clouds: Annotated[tuple[Cloud, ...], Field(max_length=16, json_schema_extra=map_by("name"))] = ()
    """Models outside the cluster that routes may name."""

    routes: Annotated[tuple[Route, ...], Field(min_length=1, max_length=32, json_schema_extra=atomic())]
    """Who answers which requests: of these routes, in order, the first that a request matches."""

    classification: Classification = Classification()
    """How the task of a request is found, by which routes can choose."""

    limits: Limits = Limits()
    """Bounds on what each API key may use."""

    budgets: Annotated[tuple[Budget, ...], Field(max_length=4, json_schema_extra=map_by("period"))] = ()
    """Bounds on what clouds may cost the namespace, one for each period."""

    batch: Batch = Batch()
    """How batches of requests are worked off."""

    not_yet: ClassVar = (
        NotYet("localCost", lambda self: self.local_cost is not None, guards=False),
        NotYet("limits", lambda self: self.limits != Limits()),
        NotYet("budgets", lambda self: bool(self.budgets)),
        NotYet("batch", lambda self: self.batch != Batch(), guards=False),
    )
    rules: ClassVar = (
        Rule(
            cel="!has(self.allowedResidencies) || size(self.allowedResidencies) == 0 || !has(self.clouds) || "
            "self.clouds.all(c, has(c.residency) && c.residency in self.allowedResidencies)",
            holds=lambda self: (
                not self.allowed_residencies
                or all(cloud.residency in self.allowed_residencies for cloud in self.clouds)
            ),
            message="every cloud needs a residency that is one of allowedResidencies: add it to the cloud, "
            "or remove the cloud",
        ),
        Rule(
            cel="self.privacy != 'Strict' || !has(self.clouds) || size(self.clouds) == 0",
            holds=lambda self: self.privacy != Privacy.STRICT or not self.clouds,
            message="privacy Strict allows no cloud: remove clouds, and all backends of type Cloud",
        ),
        Rule(
            cel="self.routes.all(r, (r.backends.map(b, b.type + '/' + b.name) + "
            "(has(r.fallback) ? r.fallback.backends.map(b, b.type + '/' + b.name) : []) + "
            "(has(r.shadow) ? [r.shadow.backend.type + '/' + r.shadow.backend.name] : []))"
            ".all(n, !n.startsWith('Cloud/') || (has(self.clouds) && "
            "self.clouds.exists(c, 'Cloud/' + c.name == n))))",
            holds=lambda self: _cloud_backends(self) <= {cloud.name for cloud in self.clouds},
            message="a backend of type Cloud must name one of spec.clouds: add it there, or correct the name",
        ),
        Rule(
            cel="self.routes.all(r, self.routes.exists_one(o, o.name == r.name))",
            holds=lambda self: len({r.name for r in self.routes}) == len(self.routes),
            message="route names must be unique: rename one",
        ),
    )


def _cloud_backends(spec: RoutingPolicySpec) -> set[str]:
    return {b.name for r in spec.routes for b in named_backends(r) if b.type == BackendType.CLOUD}


class SnapshotStatus(StatusModel):
    """The compiled policy that the operator last wrote for the gateways."""

    version: int = 0
    """The version of the form in which the snapshot is written."""

    hash: Annotated[str, Field(max_length=64)] = ""
    """The hash of what the snapshot says: equal for equal snapshots."""

    loaded_by_gateways: int = 0
    """How many of the ready gateways have loaded the snapshot."""

    gateways: int = 0
    """How many gateways are ready."""

    summary: Annotated[str, Field(max_length=32)] = ""
    """How many of the ready gateways have loaded the snapshot, such as "2/2"."""


class RoutingPolicyStatus(StatusModel):
    """What is true of a policy, as last observed."""

    observed_generation: int = 0
    """The generation of the spec that this status is about."""

    effective_privacy: Privacy | None = None
    """The privacy in force: the stricter of the spec's and the namespace's floor."""

    snapshot: SnapshotStatus = SnapshotStatus()
    """The compiled form of this policy that the operator last wrote for the gateways."""

    conditions: Conditions = ()
    """What is true of the policy, one entry a type."""


class RoutingPolicy(SpecModel):
    """Which requests of a namespace are answered by which pool, and when a cloud may answer instead."""

    api_version: Literal["drawbridge.dev/v1alpha1"] = API_VERSION
    kind: Literal["RoutingPolicy"] = "RoutingPolicy"
    metadata: Metadata
    spec: RoutingPolicySpec
    status: RoutingPolicyStatus = RoutingPolicyStatus()

    rules: ClassVar = (
        Rule(
            cel="self.metadata.name == 'default'",
            holds=lambda self: self.metadata.name == DEFAULT_POLICY,
            message="the policy of a namespace must be named 'default'",
        ),
    )
