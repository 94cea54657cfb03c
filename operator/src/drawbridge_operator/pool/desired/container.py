"""The engine's container: SGLang, its flags, probes and rights."""

from collections.abc import Iterator
from typing import Final

from drawbridge_crds.accelerator import AcceleratorType
from drawbridge_crds.engine_keys import EngineKey
from drawbridge_crds.names import ENGINE_PORT, ENGINE_PORT_NAME
from drawbridge_crds.pool import TOOL_CALL_PARSER_DISABLED, InferencePool, Model
from drawbridge_crds.source import PersistentVolumeClaimSource

from drawbridge_operator.kinds import Object
from drawbridge_operator.pool.desired.metadata import keys_name

ENGINE_CONTAINER: Final = "engine"

MODELS_MOUNT: Final = "/models"
MODELS_VOLUME: Final = "models"
SCRATCH_VOLUME: Final = "scratch"
SHARED_MEMORY_VOLUME: Final = "shared-memory"

STARTUP_PERIOD_S: Final = 2
READINESS_PERIOD_S: Final = 5
PROBE_TIMEOUT_S: Final = 20
"""SGLang's health check generates one token, which takes 1 s or more on a slow or busy engine, and gives
up after 20 s itself: a shorter timeout would call a good engine dead (SGLang 0.5.23 on CPU, 2026-11-22)."""

STARTUP_BUDGET_S: Final = 3600
"""Our choice: hundreds of gigabytes of weights from network storage."""

PRE_STOP_S: Final = 5
"""SGLang accepts requests while it drains after SIGTERM: gateways are given the time to see the pod leave
its EndpointSlice first."""


def make_engine_container(pool: InferencePool, *, image: str) -> Object:
    """Make the engine's container, within the restricted Pod Security level.

    There is no liveness probe: a long prefill must not cost a loaded model, a scheduler that hangs is ended
    by SGLang's own watchdog (300 s), and a process that ended is restarted without one.
    """
    return {
        "name": ENGINE_CONTAINER,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-m", "sglang.launch_server"],
        "args": _arguments(pool),
        "env": _environment(pool),
        "ports": [{"name": ENGINE_PORT_NAME, "containerPort": ENGINE_PORT, "protocol": "TCP"}],
        "resources": _resources(pool),
        "volumeMounts": [
            {"name": MODELS_VOLUME, "mountPath": MODELS_MOUNT, "readOnly": True},
            {"name": SCRATCH_VOLUME, "mountPath": "/tmp"},  # noqa: S108 - inside the container
            {"name": SHARED_MEMORY_VOLUME, "mountPath": "/dev/shm"},  # noqa: S108 - likewise
        ],
        "startupProbe": _probe(
            "/health_generate", period_s=STARTUP_PERIOD_S, failures=STARTUP_BUDGET_S // STARTUP_PERIOD_S
        ),
        "readinessProbe": _probe("/health", period_s=READINESS_PERIOD_S, failures=2),
        "lifecycle": {"preStop": {"sleep": {"seconds": PRE_STOP_S}}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"], "add": []},  # add: claimed, so that an addition is taken out
        },
    }


def _arguments(pool: InferencePool) -> list[str]:
    accelerator = pool.spec.accelerator
    is_cpu = accelerator.type is AcceleratorType.CPU
    return [
        f"--model-path={_verbatim(_model_path(pool))}",
        f"--served-model-name={pool.served_name}",
        "--host=0.0.0.0",
        f"--port={ENGINE_PORT}",
        "--api-key=$(ENGINE_API_KEY)",
        "--admin-api-key=$(ENGINE_ADMIN_KEY)",
        "--enable-metrics",
        # --sleep-on-idle: else the scheduler of an idle engine takes half a core from its neighbours
        *(("--device=cpu", "--sleep-on-idle") if is_cpu else (f"--tp-size={accelerator.count}",)),
        *map(_verbatim, pool.spec.engine.extra_args),
        *_model_arguments(pool.spec.model),  # the last one wins
    ]


def _model_arguments(model: Model) -> Iterator[str]:
    if model.quantization is not None:
        yield f"--quantization={model.quantization}"
    if model.context_length is not None:
        yield f"--context-length={model.context_length}"
    if model.tool_call_parser != TOOL_CALL_PARSER_DISABLED:
        yield f"--tool-call-parser={model.tool_call_parser}"


def _verbatim(argument: str) -> str:
    """Keep Kubernetes from expanding $(NAME) in what a person wrote: the keys are variables too."""
    return argument.replace("$", "$$")


def _model_path(pool: InferencePool) -> str:
    path = claim_source(pool).path.strip("/")
    return f"{MODELS_MOUNT}/{path}" if path else MODELS_MOUNT


def claim_source(pool: InferencePool) -> PersistentVolumeClaimSource:
    """Return the claim of a pool's model; the only kind of source that is implemented."""
    source = pool.spec.model.source.persistent_volume_claim
    assert source is not None, "asked of an implemented source only"  # noqa: S101 - for mypy
    return source


def _environment(pool: InferencePool) -> list[Object]:
    plain = {
        "HOME": "/tmp",  # noqa: S108 - the only place the engine may write to
        "USER": ENGINE_CONTAINER,  # torch asks for a user name, and the UID has none in the image
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
    }
    if pool.spec.accelerator.type is AcceleratorType.CPU:
        plain["SGLANG_USE_CPU_ENGINE"] = "1"
    return [
        *({"name": name, "value": value} for name, value in plain.items()),
        _key_variable("ENGINE_API_KEY", pool, EngineKey.API),
        _key_variable("ENGINE_ADMIN_KEY", pool, EngineKey.ADMIN),
    ]


def _key_variable(name: str, pool: InferencePool, key: EngineKey) -> Object:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": keys_name(pool), "key": key.value}}}


def _resources(pool: InferencePool) -> Object:
    requests = {name: str(amount) for name, amount in pool.spec.resources.requests.items()}
    limits = {name: str(amount) for name, amount in pool.spec.resources.limits.items()}
    if pool.spec.accelerator.type is AcceleratorType.NVIDIA_GPU:
        limits[pool.spec.accelerator.resource_name] = str(pool.spec.accelerator.count)
    return {"requests": requests, "limits": limits}


def _probe(path: str, *, period_s: int, failures: int) -> Object:
    return {
        "httpGet": {"path": path, "port": ENGINE_PORT_NAME, "scheme": "HTTP"},
        "periodSeconds": period_s,
        "timeoutSeconds": PROBE_TIMEOUT_S,
        "failureThreshold": failures,
    }
