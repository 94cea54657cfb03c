"""RoutingPolicy: who is answered by what."""

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from drawbridge_crds.conditions import Condition
from drawbridge_crds.names import API_VERSION, DEFAULT_POLICY
from drawbridge_crds.pool import ObjectName
from drawbridge_crds.privacy import Privacy
from drawbridge_crds.rules import Metadata, Rule, SpecModel, StatusModel

ModelName = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:@-]*$")]
"""A name that clients may put in a request's `model`."""

Label = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
"""Name of a route, a cloud or a task: a DNS label (RFC 1123)."""

Money = Annotated[str, Field(max_length=20, pattern=r"^[0-9]{1,9}(\.[0-9]{1,9})?$")]
"""An amount as a decimal string, never a float."""

DataKey = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")]
"""A key of a Secret or ConfigMap."""


def _map_by_name() -> dict[str, Any]:
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}


def _set() -> dict[str, Any]:
    return {"x-kubernetes-list-type": "set"}


def _atomic() -> dict[str, Any]:
    return {"x-kubernetes-list-type": "atomic"}


class Provider(StrEnum):
    """Whose API a cloud speaks."""

    ANTHROPIC = "Anthropic"
    OPENAI = "OpenAI"
    OPENAI_COMPATIBLE = "OpenAICompatible"


class SecretKeyRef(SpecModel):
    """One key of a Secret in the policy's namespace."""

    name: ObjectName
    key: DataKey


class CABundleRef(SpecModel):
    """A ConfigMap of the policy's namespace with PEM certificates."""

    name: ObjectName
    key: DataKey = "ca.crt"


class Prices(SpecModel):
    """What a cloud charges for a million tokens, in the policy's currency."""

    input_per_m_tok: Annotated[Money, Field(alias="inputPerMTok")]
    output_per_m_tok: Annotated[Money, Field(alias="outputPerMTok")]
    cached_input_per_m_tok: Annotated[Money | None, Field(alias="cachedInputPerMTok")] = None
    """Input read from the provider's cache; priced as input when unset."""


class Cloud(SpecModel):
    """A model outside the cluster, reached by the bridge alone."""

    name: Label
    provider: Provider
    base_url: Annotated[str | None, Field(alias="baseURL", max_length=512)] = None
    """The provider's own when unset."""

    ca_bundle_ref: CABundleRef | None = None
    """Authorities to trust instead of the public ones."""

    model: ModelName
    """The provider's name of the model."""

    secret_key_ref: SecretKeyRef
    """The API key. The bridge reads it, by a Role that the tenant grants; nothing else does."""

    prices: Prices | None = None

    rules: ClassVar = (
        Rule(
            cel="self.provider != 'OpenAICompatible' || has(self.baseURL)",
            holds=lambda self: self.provider != Provider.OPENAI_COMPATIBLE or self.base_url is not None,
            message="provider OpenAICompatible needs a baseURL, such as https://llm.example.com/v1",
        ),
        Rule(
            cel="!has(self.baseURL) || (isURL(self.baseURL) && url(self.baseURL).getScheme() == 'https'"
            " && url(self.baseURL).getHostname() != '' && !self.baseURL.contains('@')"
            " && !self.baseURL.contains('?') && !self.baseURL.contains('#'))",
            holds=lambda self: self.base_url is None or _is_https_base(self.base_url),
            message="baseURL must be an https URL without user, query or fragment, such as https://llm.example.com/v1",
        ),
    )


def _is_https_base(url: str) -> bool:
    rest = url.removeprefix("https://")
    host = rest.split("/", 1)[0].split(":", 1)[0]
    return rest != url and host != "" and not any(c in url for c in "@?#") and not any(map(str.isspace, url))


class BackendType(StrEnum):
    """What kind of thing answers."""

    POOL = "Pool"
    CLOUD = "Cloud"


class Backend(SpecModel):
    """A pool of this namespace, or a cloud of this policy."""

    type: BackendType
    name: Label


class Match(SpecModel):
    """Conditions on a request, all of which must hold."""

    tasks: Annotated[tuple[Label, ...], Field(min_length=1, max_length=32, json_schema_extra=_set())]
    """The request's task (header x-drawbridge-task) is one of these."""


class FallbackReason(StrEnum):
    """Why the backends of a route did not answer."""

    UNAVAILABLE = "Unavailable"
    """No ready replica, connection refused or broken, or a 5xx, before the first byte of content."""
    OVERLOADED = "Overloaded"
    """429, 503 with retry-after, or Anthropic's 529."""
    TIMEOUT = "Timeout"
    """No first byte of content within the gateway's time limit."""
    CONTEXT_TOO_LONG = "ContextTooLong"
    """The request does not fit the model's context window."""


class Fallback(SpecModel):
    """What is tried next, in order, while no content has been sent."""

    backends: Annotated[tuple[Backend, ...], Field(min_length=1, max_length=4, json_schema_extra=_atomic())]
    when: Annotated[
        tuple[FallbackReason, ...], Field(min_length=1, max_length=4, json_schema_extra=_set())
    ] = (
        FallbackReason.UNAVAILABLE,
        FallbackReason.OVERLOADED,
        FallbackReason.TIMEOUT,
    )
    """Why. Not called `on`: YAML 1.1, which kubectl reads, takes that for the boolean true."""


class Route(SpecModel):
    """Matching requests go to these backends. The first route that matches wins."""

    name: Label
    matches: Annotated[tuple[Match, ...], Field(max_length=16, json_schema_extra=_atomic())] = ()
    """One of these must match; none given matches every request."""

    backends: Annotated[tuple[Backend, ...], Field(min_length=1, max_length=1, json_schema_extra=_atomic())]
    fallback: Fallback | None = None


class RoutingPolicySpec(SpecModel):
    """What a person asks for. Only `routes` is required."""

    models: Annotated[tuple[ModelName, ...], Field(min_length=1, max_length=64, json_schema_extra=_set())] = (
        "auto",
    )
    """Names clients may ask for. A pool's name means that pool and no cloud; others go through the routes."""

    privacy: Privacy = Privacy.STANDARD
    """Strict: no cloud may be named, and none is ever used."""

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$", max_length=3)] = "USD"
    """Of all prices (ISO 4217)."""

    clouds: Annotated[tuple[Cloud, ...], Field(max_length=16, json_schema_extra=_map_by_name())] = ()
    routes: Annotated[tuple[Route, ...], Field(min_length=1, max_length=32, json_schema_extra=_atomic())]
    """In order: the first whose matches fit answers."""

    rules: ClassVar = (
        Rule(
            cel="self.privacy != 'Strict' || !has(self.clouds) || size(self.clouds) == 0",
            holds=lambda self: self.privacy != Privacy.STRICT or not self.clouds,
            message="privacy Strict allows no cloud: remove clouds, and all backends of type Cloud",
        ),
        Rule(
            cel="self.routes.all(r, r.backends.all(b, b.type != 'Cloud' || (has(self.clouds) && "
            "self.clouds.exists(c, c.name == b.name))) && (!has(r.fallback) || r.fallback.backends.all(b, "
            "b.type != 'Cloud' || (has(self.clouds) && self.clouds.exists(c, c.name == b.name)))))",
            holds=lambda self: _cloud_backends(self) <= {cloud.name for cloud in self.clouds},
            message="a backend of type Cloud must name one of spec.clouds: add it there, or correct the name",
        ),
        Rule(
            cel="self.routes.all(r, self.routes.exists_one(o, o.name == r.name))",
            holds=lambda self: len({r.name for r in self.routes}) == len(self.routes),
            message="route names must be unique: rename one",
        ),
        Rule(
            cel="!has(self.clouds) || self.clouds.all(c, self.clouds.exists_one(o, o.name == c.name))",
            holds=lambda self: len({c.name for c in self.clouds}) == len(self.clouds),
            message="cloud names must be unique: rename one",
        ),
    )


def _cloud_backends(spec: RoutingPolicySpec) -> set[str]:
    backends = [b for r in spec.routes for b in (*r.backends, *(r.fallback.backends if r.fallback else ()))]
    return {b.name for b in backends if b.type == BackendType.CLOUD}


class SnapshotStatus(StatusModel):
    """The compiled policy that the operator last wrote for the gateways."""

    hash: Annotated[str, Field(max_length=64)] = ""


class RoutingPolicyStatus(StatusModel):
    """What is true of a policy, as last observed."""

    observed_generation: int = 0
    effective_privacy: Privacy | None = None
    snapshot: SnapshotStatus = SnapshotStatus()
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            max_length=16,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        ),
    ] = ()


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
