import pytest
from drawbridge_gateway.bridge.translate.models import (
    ToolEffort,
    claude_adapts,
    claude_holds_to_schemas,
    claude_samples,
    claude_thinks,
    openai_effort_beside_tools,
    openai_reasons,
    openai_stops,
)


@pytest.mark.parametrize(
    ("model", "thinks", "adapts", "samples"),
    [
        ("claude-3-5-haiku-latest", False, False, True),
        ("claude-3-7-sonnet-20250219", True, False, True),
        ("claude-opus-4-20250514", True, False, True),
        ("claude-opus-4-1-20250805", True, False, True),
        ("claude-sonnet-4-5", True, False, True),
        ("claude-haiku-4-5-20251001", True, False, True),
        ("claude-opus-4-6", True, True, True),
        ("anthropic.claude-opus-4-7-v1:0", True, True, False),
        ("claude-sonnet-5", True, True, False),
        ("claude-opus-5-5", True, True, False),
        ("a-name-of-the-future", True, True, False),
    ],
)
def test_claude(model: str, *, thinks: bool, adapts: bool, samples: bool) -> None:
    assert (claude_thinks(model), claude_adapts(model), claude_samples(model)) == (thinks, adapts, samples)


@pytest.mark.parametrize(
    ("model", "holds"),
    [
        ("claude-3-7-sonnet-20250219", False),
        ("claude-opus-4-20250514", False),
        ("claude-opus-4-1-20250805", True),
        ("claude-haiku-4-5", True),
        ("a-name-of-the-future", True),
    ],
)
def test_claude_with_a_schema(model: str, *, holds: bool) -> None:
    assert claude_holds_to_schemas(model) is holds


@pytest.mark.parametrize(
    ("model", "reasons"),
    [
        ("o3", True),
        ("o4-mini-2025-04-16", True),
        ("gpt-5", True),
        ("gpt-5.1-codex", True),
        ("openai/gpt-oss-120b", True),
        ("gpt-5-chat-latest", False),
        ("gpt-4o-mini", False),
        ("gpt-4.1", False),
        ("deepseek-chat", False),
        ("olmo-2", False),
    ],
)
def test_openai(model: str, *, reasons: bool) -> None:
    assert openai_reasons(model) is reasons


@pytest.mark.parametrize(
    ("model", "stops"),
    [
        ("o1", True),
        ("o3-mini", True),
        ("o3", False),
        ("o3-pro-2025-06-10", False),
        ("o4-mini", False),
        ("gpt-5-mini", False),
        ("gpt-5.1", False),
        ("gpt-5-chat-latest", True),
        ("gpt-4.1", True),
        ("gpt-oss-120b", True),
        ("openai/gpt-5", True),
    ],
)
def test_openai_that_stops(model: str, *, stops: bool) -> None:
    assert openai_stops(model) is stops


@pytest.mark.parametrize(
    ("model", "effort"),
    [
        ("gpt-5", ToolEffort.FREE),
        ("gpt-5-2025-08-07", ToolEffort.FREE),
        ("gpt-5.3-codex", ToolEffort.FREE),
        ("gpt-5.4-mini", ToolEffort.NOT_SAID),
        ("gpt-5.5", ToolEffort.ONLY_NONE),
        ("gpt-5.6-terra", ToolEffort.ONLY_NONE),
        ("gpt-5.10", ToolEffort.ONLY_NONE),
        ("gpt-6", ToolEffort.ONLY_NONE),
        ("gpt-5.6-chat-latest", ToolEffort.FREE),
        ("gpt-4.1", ToolEffort.FREE),
        ("o3", ToolEffort.FREE),
        ("openai/gpt-5.6", ToolEffort.FREE),
    ],
)
def test_openai_with_tools(model: str, effort: ToolEffort) -> None:
    assert openai_effort_beside_tools(model) is effort
