import pytest
from drawbridge_crds.engine import is_refused_engine_argument
from drawbridge_crds.engine_keys import EngineKey, engine_key


@pytest.mark.parametrize(
    "argument",
    [
        "--host", "--host=0.0.0.0", "--hos=0.0.0.0", "--api-k", "--log-requests-level", "--log-requests",
        "--ssl-keyfile", "--config", "--conf=x", "--lora-paths", "--enable-lora", "--model", "--", "-",
        # keys and values of attention, which a prompt can be read from, in files and other stores
        "--hicache-storage-backend=file", "--hicache-storage-backend-extra-config", "--hicache-s",
        "--enable-lmcache", "--lmcache-config-file", "--enable-flexkv", "--flexkv-config-file",
        "--radix-cache-backend=flexkv", "--enable-unified-cache-external-linker",
        "--unified-cache-external-linker-backend=dynamic", "--unified-cache-external-linker-config",
        "--enable-mm-global-cache", "--mm-global-cache-backend=mooncake",
        # prompts as tokens, in the log, in memory without an end, in files
        "--soft-watchdog-timeout=5", "--enable-response-store",
        "--expert-distribution-recorder-mode=per_token",
        # ports, and connections to elsewhere
        "--gated-launch-port=9000", "--use-ray", "--decoupled-spec-bind-endpoint",
        "--decoupled-spec-connect-endpoints", "--elastic-ep-backend=mooncake",
        "--enable-elastic-expert-backup", "--language-only",
    ],
)  # fmt: skip
def test_refused(argument: str) -> None:
    assert is_refused_engine_argument(argument)


@pytest.mark.parametrize(
    "argument",
    [
        "--mem-fraction-static=0.8",
        "--max-total-tokens",
        "4096",
        "--model-impl=auto",
        "-1",
        "--trust-remote-code",
        "--chat-template=qwen",
        "--speculative-draft-model-path=/models/draft",
        "--watchdog-timeout=900",
        "--enable-unified-memory",
        "--language-model-only",
        # in the memory of the pod alone
        "--enable-hierarchical-cache",
        "--hicache-ratio=2",
        "--hicache-write-policy=write_back",
    ],
)
def test_allowed(argument: str) -> None:
    assert not is_refused_engine_argument(argument)


def test_engine_keys_differ_by_pool_purpose_and_root() -> None:
    keys = {
        engine_key(root, uid, purpose)
        for root in (b"r1", b"r2")
        for uid in ("u1", "u2")
        for purpose in EngineKey
    }
    assert len(keys) == 8
    assert engine_key(b"r1", "u1", EngineKey.API) == engine_key(b"r1", "u1", EngineKey.API)
