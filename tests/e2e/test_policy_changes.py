"""A policy change reaches the next requests; a pool without replicas falls back where the policy says so."""

import time
from collections.abc import Callable

import openai

from examples.demo.tenant import engine_pods, scale, wait_available
from tests.cluster.kubectl import wait_for
from tests.e2e.conftest import Installed
from tests.standin import Standin

REACHES_WITHIN_S = 2.0
"""What users were promised; measured on 2 cores on 2026-11-22 it takes a few tenths of a second."""


def _backend(client: openai.OpenAI, task: str = "test-generation") -> str:
    raw = client.chat.completions.with_raw_response.create(
        model="auto",
        messages=[{"role": "user", "content": "Say something."}],
        max_tokens=4,
        extra_headers={"x-drawbridge-task": task},
    )
    return str(raw.headers["x-drawbridge-backend"])


def test_a_policy_change_reaches_the_next_request_within_two_seconds(
    openai_client: openai.OpenAI, policy: Callable[..., None]
) -> None:
    assert _backend(openai_client) == "pool/coder"
    policy(routes=[{"name": "all-out", "backends": [{"type": "Cloud", "name": "gpt"}]}])
    applied = time.monotonic()
    wait_for(
        "the new policy to answer", lambda: _backend(openai_client) == "cloud/gpt", within_s=REACHES_WITHIN_S
    )
    assert time.monotonic() - applied < REACHES_WITHIN_S


def test_a_pool_scaled_to_zero_falls_back_to_the_cloud_and_comes_back(
    installed: Installed, tenant: str, openai_client: openai.OpenAI, standin: Standin
) -> None:
    standin.forget()
    scale(installed.cluster, "coder", 0, namespace=tenant)
    wait_for(
        "coder's replica to leave",
        lambda: not engine_pods(installed.cluster, "coder", namespace=tenant),
        within_s=120,
    )
    # the policy's order: claude speaks Anthropic only, so the bridge translates for an OpenAI client
    assert _backend(openai_client) == "cloud/claude"
    assert standin.total() == 1
    scale(installed.cluster, "coder", 1, namespace=tenant)
    wait_available(installed.cluster, "coder", namespace=tenant)
    wait_for("the pool to answer again", lambda: _backend(openai_client) == "pool/coder", within_s=10)
