import pytest
from drawbridge_crds.engine import is_refused_engine_argument
from drawbridge_crds.engine_keys import EngineKey, engine_key


@pytest.mark.parametrize(
    "argument",
    [
        "--host", "--host=0.0.0.0", "--hos=0.0.0.0", "--api-k", "--log-requests-level", "--log-requests",
        "--ssl-keyfile", "--config", "--conf=x", "--lora-paths", "--enable-lora", "--model", "--", "-",
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
