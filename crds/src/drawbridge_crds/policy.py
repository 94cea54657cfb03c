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
    """What a token must be issued for."""


class Auth(SpecModel):
    """Who may ask, beside API keys."""

    service_accounts: ServiceAccounts | None = None
    """Tokens of ServiceAccounts, beside API keys."""

    not_yet: ClassVar = (
        NotYet("serviceAccounts", lambda self: self.service_accounts is not None, guards=False),
    )


class LocalCost(SpecModel):
    """What the cluster's own models cost, for savings and break-even."""

    monthly_fixed: Money
    """A month's cost, in the policy's currency."""


class ClassificationMode(StrEnum):
    """Where a request's task comes from when no header names it."""

    BUILTIN = "Builtin"
    """From the request's structure. Not built yet: such requests have no task."""
    HEADER_ONLY = "HeaderOnly"
    """From nowhere: such requests have no task."""


class Classification(SpecModel):
    """How a request's task is found. An explicit header always wins."""

    header: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9-]+$")] = "x-drawbridge-task"
    """In lower case."""

    mode: ClassificationMode = ClassificationMode.BUILTIN
    """What else names the task."""


class Limits(SpecModel):
    """Bounds on each API key."""

    requests_per_minute: Annotated[StrictInt, Field(ge=1, le=1_000_000_000)] | None = None
    """Requests in a minute."""

    tokens_per_minute: Annotated[StrictInt, Field(ge=1, le=1_000_000_000)] | None = None
    """Tokens of prompts and answers in a minute."""

    max_in_flight: Annotated[StrictInt, Field(ge=1, le=1_000_000)] | None = None
    """Requests at once."""

    max_body_bytes: Annotated[StrictInt, Field(ge=1, le=1_073_741_824)] | None = None
    """Bytes of one request."""


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
    """How often it begins anew."""

    amount: Money
    """How much."""

    on_exceeded: OnExceeded = OnExceeded.LOCAL_ONLY
    """What follows when it is spent."""


class Batch(SpecModel):
    """How batches are worked off."""

    parallel: Annotated[StrictInt, Field(ge=1, le=256)] = 4
    """Requests of a batch at once."""


class RoutingPolicySpec(SpecModel):
    """What a person asks for. Only `routes` is required."""

    models: Annotated[
        tuple[ModelName, ...], Field(min_length=1, max_length=64, json_schema_extra=as_set())
    ] = ("auto",)
    """Names clients may ask for. A pool's name means that pool and no cloud; others go through the routes."""

    privacy: Privacy = Privacy.STANDARD
    """Strict: no cloud may be named, and none is ever used."""

    auth: Auth = Auth()
    """Who may ask, beside API keys."""

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$", max_length=3)] = "USD"
    """Of all prices (ISO 4217)."""

    local_cost: LocalCost | None = None
    """For reports of savings and break-even."""

    allowed_residencies: Annotated[tuple[Label, ...], Field(max_length=16, json_schema_extra=as_set())] = ()
    """Where clouds may process requests; anywhere when empty."""

    clouds: Annotated[tuple[Cloud, ...], Field(max_length=16, json_schema_extra=map_by("name"))] = ()
    """Models outside the cluster that routes may name."""

    routes: Annotated[tuple[Route, ...], Field(min_length=1, max_length=32, json_schema_extra=atomic())]
    """In order: the first whose matches fit answers."""

    classification: Classification = Classification()
    """How a request's task is found."""

    limits: Limits = Limits()
    """Bounds on each API key."""

    budgets: Annotated[tuple[Budget, ...], Field(max_length=4, json_schema_extra=map_by("period"))] = ()
    """Bounds on what clouds may cost, one for each period."""

    batch: Batch = Batch()
    """How batches are worked off."""

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
    """Of the snapshot's wire form."""

    hash: Annotated[str, Field(max_length=64)] = ""
    """Of its content."""

    loaded_by_gateways: int = 0
    """Ready gateways that have loaded it."""

    gateways: int = 0
    """Ready gateways."""

    summary: Annotated[str, Field(max_length=32)] = ""
    """Gateways that loaded it and gateways there are, such as "2/2"."""


class RoutingPolicyStatus(StatusModel):
    """What is true of a policy, as last observed."""

    observed_generation: int = 0
    """The generation of the spec that this status is about."""

    effective_privacy: Privacy | None = None
    """In force: the stricter of the spec's and the namespace's floor."""

    snapshot: SnapshotStatus = SnapshotStatus()
    """What was compiled of it for the gateways."""

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
