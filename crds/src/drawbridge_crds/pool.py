"""InferencePool: replicas of one model."""

from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, StrictInt

from drawbridge_crds.accelerator import Accelerator, Resources
from drawbridge_crds.conditions import Conditions
from drawbridge_crds.engine import Engine
from drawbridge_crds.names import API_VERSION
from drawbridge_crds.privacy import Privacy
from drawbridge_crds.rules import Metadata, NotYet, Rule, SpecModel, StatusModel
from drawbridge_crds.scaling import Rollout, Scaling, ScalingMode
from drawbridge_crds.scheduling import Scheduling
from drawbridge_crds.source import ModelSource
from drawbridge_crds.values import Label, ServedName, map_by

TOOL_CALL_PARSER_DISABLED: Final = "Disabled"
"""The value of toolCallParser that turns tool calls off."""


class Adapter(SpecModel):
    """A LoRA adapter, served as <model>:<adapter>."""

    name: Label
    """The name of the adapter, which requests ask for as <model>:<name>."""

    source: ModelSource
    """Where the adapter's weights come from."""


class Model(SpecModel):
    """The model that the pool serves."""

    name: ServedName | None = None
    """The model's name in the engine and in answers; clients ask by the pool's name. Unset: the pool's
    name."""

    source: ModelSource
    """Where the model's weights come from."""

    quantization: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9_]+$")] | None = None
    """SGLang's name of the weights' quantization, such as awq. Unset: what the model's config says."""

    context_length: Annotated[StrictInt, Field(ge=128, le=16_777_216)] | None = None
    """How many tokens a prompt and its answer may have together. Unset: as many as the model's config
    says."""

    tool_call_parser: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[A-Za-z0-9_-]+$")] = "auto"
    """SGLang's parser of tool calls in answers: one by its name, such as qwen25, or auto, which finds it by
    the model's chat template, or Disabled, so that tool calls stay in the text of the answer."""

    adapters: Annotated[tuple[Adapter, ...], Field(max_length=64, json_schema_extra=map_by("name"))] = ()
    """LoRA adapters of the model that requests may ask for."""

    not_yet: ClassVar = (NotYet("adapters", lambda self: bool(self.adapters)),)


class InferencePoolSpec(SpecModel):
    """What a person asks for. Only `model` is required."""

    model: Model
    """The model that the pool serves, and where its weights come from."""

    privacy: Privacy = Privacy.STANDARD
    """How far what is sent to this pool may reach. In force is the stricter of this and the namespace's floor
    (label drawbridge.dev/privacy-floor)."""

    replicas: Annotated[StrictInt, Field(ge=0, le=1000)] = 1
    """How many replicas run in scaling mode External; in the other it is not read. `kubectl scale` and
    autoscalers write it."""

    engine: Engine = Engine()
    """The SGLang server that serves the model: its image and its flags."""

    accelerator: Accelerator = Accelerator()
    """What a replica computes on: one or more GPUs, or CPUs alone."""

    resources: Resources = Resources()
    """What each replica may take beside its accelerators, such as memory."""

    scaling: Scaling = Scaling()
    """How many replicas run, and who decides it."""

    rollout: Rollout = Rollout()
    """How a change of the pool reaches its replicas."""

    scheduling: Scheduling = Scheduling()
    """On which nodes replicas may run."""

    @property
    def wanted_replicas(self) -> int:
        """Replicas that should run: `replicas` in scaling mode External, else `scaling.minReplicas`."""
        return self.replicas if self.scaling.mode == ScalingMode.EXTERNAL else self.scaling.min_replicas

    rules: ClassVar = (
        Rule(
            cel="self.scaling.mode == 'External' || self.replicas == 1",
            holds=lambda self: self.scaling.mode == ScalingMode.EXTERNAL or self.replicas == 1,
            message="replicas is read in scaling mode External only: set scaling.mode: External, or "
            "replicas: 1 and the number in scaling.minReplicas and maxReplicas",
        ),
        Rule(
            cel="!has(self.resources) || ("
            "!(has(self.resources.requests) && self.accelerator.resourceName in self.resources.requests)"
            " && !(has(self.resources.limits) && self.accelerator.resourceName in self.resources.limits))",
            holds=lambda self: (
                self.accelerator.resource_name not in {**self.resources.requests, **self.resources.limits}
            ),
            message="set the number of GPUs in accelerator.count, not in resources",
        ),
    )


class PoolEngineStatus(StatusModel):
    """The engine in force."""

    image: str | None = None
    """The engine image in force: spec.engine.image, else the one pinned when the pool was first seen."""

    version: str | None = None
    """The version of SGLang that a replica reports. Not reported yet."""


class ColdStart(StatusModel):
    """What the last cold start of a replica took."""

    image_seconds: int = 0
    """How many seconds it took to pull the image. Not reported yet."""

    weights_seconds: int = 0
    """How many seconds it took to fetch the weights. Not reported yet."""

    load_seconds: int = 0
    """How many seconds it took to load the weights. Not reported yet."""

    ready_seconds: int = 0
    """How many seconds went from the pod's creation until it answered. Not reported yet."""


class PoolModelStatus(StatusModel):
    """The model in force."""

    name: str | None = None
    """The model's name in answers: spec.model.name, else the pool's."""

    tool_call_parser: str | None = None
    """The parser of tool calls, as spec.model.toolCallParser names it."""

    digest: str | None = None
    """The digest of the weights that replicas loaded. Not reported yet."""


class InferencePoolStatus(StatusModel):
    """What is true of a pool, as last observed. What is not known is absent."""

    observed_generation: int = 0
    """The generation of the spec that this status is about."""

    replicas: int = 0
    """How many replicas answer or may answer yet."""

    ready_replicas: int = 0
    """How many replicas answer requests."""

    desired_replicas: int = 0
    """How many replicas are wanted."""

    warm_replicas: int | None = None
    """How many replicas are loaded above what the load needs. Not reported yet."""

    selector: Annotated[str, Field(max_length=512)] = ""
    """The label selector of the engine pods, for the scale subresource."""

    ready_summary: Annotated[str, Field(max_length=32)] = ""
    """How many of the wanted replicas are ready, such as "2/3"."""

    effective_privacy: Privacy | None = None
    """The privacy in force: the stricter of the spec's and the namespace's floor. While the pool is left as
    it is, also of what was in force before; Strict while it cannot be read."""

    model: PoolModelStatus = PoolModelStatus()
    """The model that the pool serves."""

    engine: PoolEngineStatus = PoolEngineStatus()
    """The engine that serves the pool's model."""

    last_cold_start: ColdStart | None = None
    """How long the last cold start of a replica took. Not reported yet."""

    conditions: Conditions = ()
    """What is true of the pool, one entry a type."""


class InferencePool(SpecModel):
    """Replicas of one model, served by SGLang and isolated from the network."""

    api_version: Literal["drawbridge.dev/v1alpha1"] = API_VERSION
    kind: Literal["InferencePool"] = "InferencePool"
    metadata: Metadata
    spec: InferencePoolSpec
    status: InferencePoolStatus = InferencePoolStatus()

    @property
    def served_name(self) -> str:
        """The model's name in the engine and in answers: `spec.model.name`, else the pool's own."""
        return self.spec.model.name or self.metadata.name

    rules: ClassVar = (
        Rule(
            cel="self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$') "
            "&& size(self.metadata.name) <= 50",
            holds=lambda self: _is_pool_name(self.metadata.name),
            message="the name must be a DNS-1035 label of at most 50 characters: lower-case letters, digits "
            "and '-', beginning with a letter, such as 'coder-7b'",
        ),
    )


def _is_pool_name(name: str) -> bool:
    label = name.replace("-", "a")
    return (
        0 < len(name) <= MAX_POOL_NAME_CHARS
        and label.isascii()
        and label.isalnum()
        and label == label.lower()
        and name[0].isalpha()
        and name[-1] != "-"
    )


MAX_POOL_NAME_CHARS: Final = 50
"""Leaves 13 characters for the suffixes of child names, which are labels of at most 63."""
