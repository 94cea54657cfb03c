"""Which requests a route takes, and who answers them."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StrictInt

from drawbridge_crds.privacy import Privacy
from drawbridge_crds.rules import NotYet, Rule, SpecModel
from drawbridge_crds.values import Duration, Label, ModelName, as_set, atomic, map_by, takes_time


class BackendType(StrEnum):
    """What kind of thing answers."""

    POOL = "Pool"
    """An InferencePool of this namespace."""
    CLOUD = "Cloud"
    """One of the policy's clouds."""


class Backend(SpecModel):
    """A pool of this namespace, or a cloud of this policy."""

    type: BackendType
    """What kind of backend it is."""

    name: Label
    """The name of the pool, or of one of spec.clouds."""


class WeightedBackend(Backend):
    """A backend and its share of a split."""

    weight: Annotated[StrictInt, Field(ge=1, le=1000)] = 1
    """The backend's share of the requests, in proportion to the weights of the others."""


class InputTokens(SpecModel):
    """Bounds of a request's length in tokens, estimated as its body's bytes, images too, divided by 4."""

    min: Annotated[StrictInt, Field(ge=0, le=16_777_216)] | None = None
    """The request has at least so many tokens, estimated as the bytes of its body divided by 4."""

    max: Annotated[StrictInt, Field(ge=0, le=16_777_216)] | None = None
    """The request has at most so many tokens, estimated as the bytes of its body divided by 4."""

    rules: ClassVar = (
        Rule(
            cel="!has(self.min) || !has(self.max) || self.min <= self.max",
            holds=lambda self: self.min is None or self.max is None or self.min <= self.max,
            message="inputTokens.min must not exceed inputTokens.max: swap them",
        ),
    )


class Tools(StrEnum):
    """Whether a request offers tools to the model."""

    PRESENT = "Present"
    """It offers at least one."""
    ABSENT = "Absent"
    """It offers none."""


class HeaderMatch(SpecModel):
    """A header of the request has exactly this value. Names are compared without case."""

    name: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9-]+$")]
    """The header's name; written here in lower case, whatever clients write."""

    value: Annotated[str, Field(max_length=256)]
    """The value that the header must have; upper and lower case differ."""


class Match(SpecModel):
    """Conditions on a request, all of which must hold."""

    tasks: Annotated[tuple[Label, ...], Field(max_length=32, json_schema_extra=as_set())] = ()
    """The request's task is one of these. The header that spec.classification.header names says what it
    is."""

    models: Annotated[tuple[ModelName, ...], Field(max_length=64, json_schema_extra=as_set())] = ()
    """The model that the request asks for is one of these. Requests for a pool that is listed here go where
    the route leads, to clouds too; a Strict pool's name makes the whole route Strict, its other matches
    included."""

    input_tokens: InputTokens | None = None
    """The request's length in tokens is within these bounds. It is an estimate: the bytes of the body, images
    too, divided by 4."""

    tools: Tools | None = None
    """Whether the request offers tools to the model."""

    headers: Annotated[tuple[HeaderMatch, ...], Field(max_length=16, json_schema_extra=map_by("name"))] = ()
    """The request has all of these headers, each with its value."""

    rules: ClassVar = (
        Rule(
            cel="(has(self.tasks) && size(self.tasks) > 0) || (has(self.models) && size(self.models) > 0)"
            " || has(self.inputTokens) || has(self.tools) || (has(self.headers) && size(self.headers) > 0)",
            holds=lambda self: bool(
                self.tasks or self.models or self.input_tokens or self.tools or self.headers
            ),
            message="a match must name at least one of tasks, models, inputTokens, tools and headers; "
            "leave matches out to match every request",
        ),
    )


class FallbackReason(StrEnum):
    """Why the backends of a route did not answer."""

    UNAVAILABLE = "Unavailable"
    """No ready replica, connection refused or broken, or a 5xx, before the first byte of content."""
    OVERLOADED = "Overloaded"
    """429, 503 with retry-after, or Anthropic's 529."""
    TIMEOUT = "Timeout"
    """No first byte of content within the gateway's time limit. An answer that is not streamed must be
    complete within it."""
    CONTEXT_TOO_LONG = "ContextTooLong"
    """The request does not fit the model's context window."""


class Fallback(SpecModel):
    """What is tried next, in order, while no content has been sent."""

    backends: Annotated[tuple[Backend, ...], Field(min_length=1, max_length=4, json_schema_extra=atomic())]
    """Pools and clouds that are tried one after the other."""

    # not called `on`: YAML 1.1, which kubectl reads, takes that for the boolean true
    when: Annotated[
        tuple[FallbackReason, ...], Field(min_length=1, max_length=4, json_schema_extra=as_set())
    ] = (
        FallbackReason.UNAVAILABLE,
        FallbackReason.OVERLOADED,
        FallbackReason.TIMEOUT,
    )
    """For which reasons a fallback is tried: why the backend before it did not answer."""


class Shadow(SpecModel):
    """A copy of some requests, sent to a further backend that never answers."""

    backend: Backend
    """The pool or cloud that gets the copies. What it answers is dropped."""

    percent: Annotated[StrictInt, Field(ge=1, le=100)]
    """How many of a hundred requests of the route are copied."""


class Hold(SpecModel):
    """How long a request may wait for a pool that is cold."""

    max_wait: Duration
    """How long a request waits at most, before it falls back or is answered 503. 0s: not at all, as today
    without a hold."""

    not_yet: ClassVar = (
        NotYet(
            "maxWait: more than 0s", lambda self: takes_time(self.max_wait), remedy="remove hold, or set 0s"
        ),
    )


class Route(SpecModel):
    """Matching requests go to these backends. The first route that matches wins."""

    name: Label
    """The route's name, as answers, logs and metrics call it."""

    matches: Annotated[tuple[Match, ...], Field(max_length=16, json_schema_extra=atomic())] = ()
    """What requests this route takes: those that one of these matches. Unset: every request."""

    backends: Annotated[
        tuple[WeightedBackend, ...], Field(min_length=1, max_length=8, json_schema_extra=atomic())
    ]
    """Who answers the requests of this route. Several split the requests by weight; a conversation stays with
    the backend it began with."""

    fallback: Fallback | None = None
    """Who is asked next when the backends do not answer, while no content has been sent."""

    shadow: Shadow | None = None
    """A further backend that gets a copy of some requests and never answers."""

    hold: Hold | None = None
    """How long a request may wait for a pool that has no ready replica. Today none waits; a policy that asks
    for more than 0s is not in force."""

    not_yet: ClassVar = (
        NotYet("backends: more than one", lambda self: len(self.backends) > 1, remedy="keep one backend"),
        NotYet("shadow", lambda self: self.shadow is not None, guards=False),
    )


def named_backends(route: Route) -> tuple[Backend, ...]:
    """Return every backend that a route names: its own, its fallbacks, its shadow's."""
    fallbacks = route.fallback.backends if route.fallback else ()
    shadows = (route.shadow.backend,) if route.shadow else ()
    return (*route.backends, *fallbacks, *shadows)


def named_pools(route: Route) -> tuple[str, ...]:
    """Return the pools that a route names, each once."""
    return tuple(dict.fromkeys(b.name for b in named_backends(route) if b.type == BackendType.POOL))


def matched_models(matches: Sequence[Match]) -> tuple[str, ...]:
    """Return the models that a route matches, each once."""
    return tuple(dict.fromkeys(model for match in matches for model in match.models))


def strict_pools(
    backends: Sequence[Backend], matches: Sequence[Match], pools: Mapping[str, Privacy]
) -> list[str]:
    """List the Strict pools whose privacy the requests of a route have: its backends, and models it matches.

    `pools` is the privacy in force by name. A matched model that is no pool is an alias, and demands nothing.
    """
    asked = (*(b.name for b in backends if b.type == BackendType.POOL), *matched_models(matches))
    return [name for name in asked if pools.get(name) == Privacy.STRICT]
