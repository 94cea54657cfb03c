"""InferencePool: replicas of one model."""

from enum import StrEnum
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from drawbridge_crds.conditions import Condition
from drawbridge_crds.names import API_VERSION
from drawbridge_crds.privacy import Privacy
from drawbridge_crds.rules import Metadata, Rule, SpecModel, StatusModel

ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
"""Name of another Kubernetes object: a DNS subdomain (RFC 1123)."""

_QUANTITY_PATTERN = r"^([0-9]+|[0-9]*\.[0-9]+)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$"

Quantity = Annotated[
    Annotated[int, Field(ge=0)] | Annotated[str, Field(pattern=_QUANTITY_PATTERN, max_length=32)],
    Field(
        json_schema_extra={
            "x-kubernetes-int-or-string": True,
            "minimum": 0,
            "pattern": _QUANTITY_PATTERN,
            "maxLength": 32,
        }
    ),
]
"""A Kubernetes resource quantity, such as 500m, 2 or 16Gi."""

REFUSED_ENGINE_FLAGS: Final = (
    # addresses, keys and the model: the operator sets these
    "--host", "--port", "--api-key", "--admin-api-key", "--model-path", "--tokenizer-path",
    "--served-model-name", "--device", "--tp-size", "--tensor-parallel-size", "--revision",
    "--download-dir", "--fastapi-root-path", "--ssl-", "--grpc-", "--smg-", "--sidecar-args",
    # several nodes, and connections to elsewhere: a pool has no egress
    "--nnodes", "--node-rank", "--dist-init-addr", "--nccl-init-addr", "--nccl-port",
    "--disaggregation-", "--remote-instance-weight-loader-", "--encoder-", "--modelexpress-",
    "--kv-events-config", "--load-publish-endpoint", "--enable-trace", "--otlp-",
    "--engine-info-bootstrap-port",
    # whatever writes prompts or answers somewhere
    "--log-requests", "--log-level", "--crash-dump-folder", "--export-metrics-to-file",
    "--debug-tensor-dump-", "--msprobe-", "--spec-trace-dir", "--file-storage-path",
    # code, templates or adapters chosen by a request or by a file
    "--config", "--decrypted-", "--forward-hooks", "--custom-weight-loader",
    "--trust-request-chat-template", "--enable-custom-logit-processor", "--enable-lora", "--lora-",
)  # fmt: skip
"""SGLang 0.5.23 flags that a pool may not set, each standing for all flags that begin with it.

SGLang's parser accepts unambiguous abbreviations (Python's argparse), so an argument is also
refused when a refused flag begins with it: `--api-k` means `--api-key`.
"""


def is_refused_engine_argument(argument: str) -> bool:
    """Tell whether one of `spec.engine.extraArgs` sets a refused flag, abbreviated or not."""
    if not argument.startswith("-"):
        return False
    flag = argument.split("=", maxsplit=1)[0]
    return any(refused.startswith(flag) or flag.startswith(refused) for refused in REFUSED_ENGINE_FLAGS)


_REFUSED_LIST_CEL = "[" + ",".join(f"'{flag}'" for flag in REFUSED_ENGINE_FLAGS) + "]"


class PersistentVolumeClaimSource(SpecModel):
    """Weights that already lie on a claim of the pool's namespace; mounted read-only."""

    claim_name: ObjectName
    """The PersistentVolumeClaim. ReadWriteOnce binds all replicas to one node."""

    path: Annotated[str, Field(max_length=512)] = ""
    """Folder inside the volume that holds config.json; the volume's root by default."""

    rules: ClassVar = (
        Rule(
            cel="!has(self.path) || !(self.path.startsWith('/') "
            "|| self.path.split('/').exists(p, p == '..'))",
            holds=lambda self: not self.path.startswith("/") and ".." not in self.path.split("/"),
            message="path must be relative to the volume's root and must not contain '..'",
        ),
    )


class ModelSource(SpecModel):
    """Where the weights come from: a union, discriminated by type."""

    type: Literal["PersistentVolumeClaim"]
    persistent_volume_claim: PersistentVolumeClaimSource | None = None

    rules: ClassVar = (
        Rule(
            cel="self.type != 'PersistentVolumeClaim' || has(self.persistentVolumeClaim)",
            holds=lambda self: self.persistent_volume_claim is not None,
            message="type PersistentVolumeClaim needs persistentVolumeClaim: {claimName: ...}",
        ),
    )


class Model(SpecModel):
    """The model that the pool serves, under the pool's own name."""

    source: ModelSource


class Engine(SpecModel):
    """The SGLang server."""

    image: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    """Container image. Unset: the chart's for the accelerator, pinned when the pool is first seen."""

    extra_args: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=256)], ...],
        Field(max_length=64, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = ()
    """Further SGLang flags, such as --mem-fraction-static=0.8."""

    rules: ClassVar = (
        Rule(
            cel="!has(self.extraArgs) || self.extraArgs.all(a, !a.startsWith('-') || !"
            f"{_REFUSED_LIST_CEL}.exists(f, f.startsWith(a.split('=')[0]) || a.startsWith(f)))",
            holds=lambda self: not any(map(is_refused_engine_argument, self.extra_args)),
            message="extraArgs must not set flags that the operator owns or that log prompts, open other "
            "routes or connections, or load code: remove host, port, keys, model path, TLS, log-requests, "
            "config, LoRA and the like (the reference lists them all)",
        ),
    )


class AcceleratorType(StrEnum):
    """What a replica computes on."""

    NVIDIA_GPU = "NvidiaGPU"
    CPU = "CPU"


class Accelerator(SpecModel):
    """The accelerators of one replica."""

    type: AcceleratorType = AcceleratorType.NVIDIA_GPU
    count: Annotated[int, Field(ge=1, le=16)] = 1
    """GPUs a replica uses together (SGLang's tensor parallel size)."""

    rules: ClassVar = (
        Rule(
            cel="self.type != 'CPU' || self.count == 1",
            holds=lambda self: self.type != AcceleratorType.CPU or self.count == 1,
            message="accelerator type CPU takes no count: remove it, and set resources.requests.cpu",
        ),
    )


class Resources(SpecModel):
    """Requests and limits of a replica beside its accelerators."""

    requests: Annotated[dict[str, Quantity], Field(max_length=16)] = Field(default_factory=dict)
    limits: Annotated[dict[str, Quantity], Field(max_length=16)] = Field(default_factory=dict)

    rules: ClassVar = (
        Rule(
            cel="!(has(self.requests) && 'nvidia.com/gpu' in self.requests)"
            " && !(has(self.limits) && 'nvidia.com/gpu' in self.limits)",
            holds=lambda self: "nvidia.com/gpu" not in {**self.requests, **self.limits},
            message="set the number of GPUs in accelerator.count, not in resources",
        ),
    )


class ScalingMode(StrEnum):
    """Who decides the number of replicas."""

    EXTERNAL = "External"
    """spec.replicas does: set by hand, `kubectl scale`, a HorizontalPodAutoscaler or KEDA."""


class Scaling(SpecModel):
    """How the number of replicas is decided."""

    mode: ScalingMode = ScalingMode.EXTERNAL


class InferencePoolSpec(SpecModel):
    """What a person asks for. Only `model` is required."""

    model: Model
    privacy: Privacy = Privacy.STANDARD
    """In force is the stricter of this and the namespace's floor (label drawbridge.dev/privacy-floor)."""

    replicas: Annotated[int, Field(ge=0, le=1000)] = 1
    """Replicas wanted. The scale subresource writes it."""

    engine: Engine = Engine()
    accelerator: Accelerator = Accelerator()
    resources: Resources = Resources()
    scaling: Scaling = Scaling()


class PoolEngineStatus(StatusModel):
    """The engine in force."""

    image: str = ""


class PoolModelStatus(StatusModel):
    """The model in force."""

    name: str = ""


class InferencePoolStatus(StatusModel):
    """What is true of a pool, as last observed."""

    observed_generation: int = 0
    replicas: int = 0
    ready_replicas: int = 0
    selector: Annotated[str, Field(max_length=512)] = ""
    """Label selector of the engine pods, for the scale subresource."""

    ready_summary: Annotated[str, Field(max_length=32)] = ""
    """Ready and wanted replicas, such as "2/3"."""

    effective_privacy: Privacy | None = None
    model: PoolModelStatus = PoolModelStatus()
    engine: PoolEngineStatus = PoolEngineStatus()
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            max_length=16,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        ),
    ] = ()


class InferencePool(SpecModel):
    """Replicas of one model, served by SGLang and isolated from the network."""

    api_version: Literal["drawbridge.dev/v1alpha1"] = API_VERSION
    kind: Literal["InferencePool"] = "InferencePool"
    metadata: Metadata
    spec: InferencePoolSpec
    status: InferencePoolStatus = InferencePoolStatus()

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
