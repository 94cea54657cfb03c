"""The SGLang server of a pool, and the flags that a pool may not give it."""

from enum import StrEnum
from typing import Annotated, ClassVar, Final

from pydantic import Field

from drawbridge_crds.rules import NotYet, Rule, SpecModel
from drawbridge_crds.values import ObjectName, atomic, map_by

REFUSED_ENGINE_FLAGS: Final = (
    # addresses, keys and the model: the operator sets these
    "--host", "--port", "--api-key", "--admin-api-key", "--model-path", "--tokenizer-path",
    "--served-model-name", "--device", "--tp-size", "--tensor-parallel-size", "--revision",
    "--context-length", "--tool-call-parser", "--download-dir", "--fastapi-root-path", "--ssl-", "--grpc-",
    "--smg-", "--sidecar-args", "--tool-server",
    # several nodes, and connections to elsewhere: a pool has no egress
    "--nnodes", "--node-rank", "--dist-init-addr", "--nccl-init-addr", "--nccl-port",
    "--disaggregation-", "--remote-instance-weight-loader-", "--encoder-", "--modelexpress-",
    "--kv-events-config", "--load-publish-endpoint", "--enable-trace", "--otlp-",
    "--engine-info-bootstrap-port", "--decoupled-spec-", "--elastic-ep-", "--enable-elastic-expert-backup",
    "--language-only", "--use-ray", "--gated-launch-port",
    # whatever writes prompts or answers somewhere, or keeps them after the answer for whoever asks
    "--log-requests", "--log-level", "--crash-dump-folder", "--export-metrics-to-file",
    "--debug-tensor-dump-", "--msprobe-", "--spec-trace-dir", "--file-storage-path",
    "--enable-response-store",
    # likewise, as tokens: a soft watchdog logs the requests in progress, the recorder writes them to a file
    "--soft-watchdog-timeout", "--expert-distribution-recorder-",
    # likewise, as keys and values of attention or as embeddings: caches in files and in other servers
    "--hicache-storage-", "--enable-lmcache", "--lmcache-", "--enable-flexkv", "--flexkv-",
    "--radix-cache-backend", "--enable-unified-cache-external-linker", "--unified-cache-external-linker-",
    "--enable-mm-global-cache", "--mm-global-cache-",
    # code, templates or adapters chosen by a request or by a file that is not the model's
    "--config", "--decrypted-", "--forward-hooks", "--custom-weight-loader",
    "--trust-request-chat-template", "--enable-custom-logit-processor", "--enable-lora", "--lora-",
    # not --trust-remote-code, which many models need: it runs code that lies beside the weights, chosen by
    # whoever chose the weights, in a pod without egress and without a token
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


class UpgradePolicy(StrEnum):
    """Whether an upgrade of the chart changes the engine image of a pool that names none."""

    PINNED = "Pinned"
    """It does not: a running pool keeps the image it was first given."""
    WITH_CHART = "WithChart"
    """It does, and restarts the model."""


class ImagePullSecret(SpecModel):
    """A Secret with registry credentials."""

    name: ObjectName
    """The name of a Secret of type kubernetes.io/dockerconfigjson."""


class Engine(SpecModel):
    """The SGLang server."""

    image: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    """The container image of the engine. Unset: the chart's for the accelerator, pinned when the pool is
    first seen."""

    upgrade_policy: UpgradePolicy = UpgradePolicy.PINNED
    """Whether an upgrade of the chart changes the engine image of a pool that names none."""

    extra_args: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=256)], ...],
        Field(max_length=64, json_schema_extra=atomic()),
    ] = ()
    """Further flags of SGLang, such as --mem-fraction-static=0.8. Those that the operator owns, and those
    that would let prompts out, are refused."""

    image_pull_secrets: Annotated[
        tuple[ImagePullSecret, ...], Field(max_length=8, json_schema_extra=map_by("name"))
    ] = ()
    """Secrets of the pool's namespace with credentials for registries, used beside those of the chart."""

    rules: ClassVar = (
        Rule(
            cel="!has(self.extraArgs) || self.extraArgs.all(a, !a.startsWith('-') || !"
            f"{_REFUSED_LIST_CEL}.exists(f, f.startsWith(a.split('=')[0]) || a.startsWith(f)))",
            holds=lambda self: not any(map(is_refused_engine_argument, self.extra_args)),
            message="extraArgs must not set flags that the operator owns, that write prompts or what is made "
            "of them somewhere, that open other routes, ports or connections, or that let requests, or files "
            "other than the model's, bring in code or flags: remove host, port, keys, model path, TLS, "
            "log-requests, hicache-storage, config, LoRA and the like (the reference lists them all)",
        ),
    )
    not_yet: ClassVar = (
        NotYet("upgradePolicy: WithChart", lambda self: self.upgrade_policy != UpgradePolicy.PINNED),
    )
