"""An Anthropic client's request as OpenAI's chat completions, and compatible ones, take it."""

from collections.abc import Mapping
from typing import Any, Final

from drawbridge_crds.cloud import Provider

from drawbridge_gateway.bridge.translate.messages_to_openai import conversation
from drawbridge_gateway.bridge.translate.models import (
    ToolEffort,
    openai_effort_beside_tools,
    openai_reasons,
    openai_stops,
)
from drawbridge_gateway.bridge.translate.requests_to_anthropic import MIN_THINKING_TOKENS
from drawbridge_gateway.bridge.translate.rules import Asked, Translated, Translation
from drawbridge_gateway.bridge.translate.rules_from_anthropic import COMPATIBLE_RULES, RULES
from drawbridge_gateway.bridge.translate.schemas import is_strict
from drawbridge_gateway.bridge.translate.users import OPENAI_MAX_CHARS, bounded
from drawbridge_gateway.protocols.providers import PROVIDERS

LOW_BUDGET_TOKENS: Final = 2048
MEDIUM_BUDGET_TOKENS: Final = 8192
"""Up to here a budget is a low or a medium effort. Our choice: the inverse of what an effort becomes."""

MAX_STOPS: Final = 4
"""OpenAI's own limit; compatible servers take more."""

MAX_NAME_CHARS: Final = 64
"""Of a tool, OpenAI's own limit; Anthropic's is 128."""

SCHEMA_NAME: Final = "answer"
"""OpenAI demands one; Anthropic's schemas have none."""

_CHOICES: Final = {"auto": "auto", "any": "required", "none": "none"}

_LEFT_TO_THE_MODEL: Final = ("auto", "none")


def to_openai(body: Mapping[str, Any], model: str, provider: Provider) -> Translated:
    """Translate a request for a model of OpenAI, or of a compatible provider.

    Raises:
        RequestRefused: it asks for what OpenAI's API cannot say, or is not in its own API's shape.
    """
    is_openai = PROVIDERS[provider].exactly_openai
    translation = Translation("OpenAI's chat completions", RULES if is_openai else COMPATIBLE_RULES)
    asked = translation.open(body)
    asked.acknowledge("model")  # the policy names another one
    config = asked.open("output_config", {})
    written: dict[str, Any] = {
        "model": model,
        "messages": conversation(asked, MAX_NAME_CHARS if is_openai else None),
        # OpenAI's models that reason refuse the older name, many compatible servers the newer
        "max_completion_tokens" if is_openai else "max_tokens": asked.need("max_tokens"),
    }
    tools = _tools(asked, is_openai=is_openai)
    written |= tools | _ending(asked, model, is_openai=is_openai)
    written |= _sampling(asked, model, is_openai=is_openai)
    written |= _reasoning(asked, config, model, beside_tools=bool(tools)) | _form(config)
    written |= _user(asked, is_openai=is_openai)
    if asked.get("stream"):
        written |= {"stream": True, "stream_options": {"include_usage": True}}
    return translation.done(written)


def _tools(asked: Asked, *, is_openai: bool) -> dict[str, Any]:
    tools = [_tool(tool, is_openai=is_openai) for tool in asked.each("tools", [])]
    choice = _choice(asked.open("tool_choice")) if asked.get("tool_choice") is not None else {}
    if not tools:
        if choice.get("tool_choice", "none") not in _LEFT_TO_THE_MODEL:
            raise asked.refusal("tool_choice.tools", "tool_choice")
        return {}
    return {"tools": tools} | choice


def _choice(choice: Asked) -> dict[str, Any]:
    kind = choice.kind(*_CHOICES, "tool")
    parallel = {"parallel_tool_calls": False} if choice.get("disable_parallel_tool_use") else {}
    if kind == "tool":
        return parallel | {"tool_choice": {"type": "function", "function": {"name": choice.need("name")}}}
    return parallel | {"tool_choice": _CHOICES[kind]}


def _tool(tool: Asked, *, is_openai: bool) -> dict[str, Any]:
    tool.kind("custom", default="custom")
    name = tool.need("name")
    if is_openai and len(name) > MAX_NAME_CHARS:
        raise tool.refusal("tools.name.length")
    function = {"name": name} | tool.some("description", "strict")
    schema = tool.need("input_schema")
    if "strict" in function and not is_strict(schema):
        tool.lose("tools.strict")
        del function["strict"]
    return {"type": "function", "function": function | {"parameters": schema}}


def _ending(asked: Asked, model: str, *, is_openai: bool) -> dict[str, Any]:
    stops = asked.texts("stop_sequences")
    if is_openai and len(stops) > MAX_STOPS:
        raise asked.refusal("stop_sequences.count", "stop_sequences")
    if stops and not openai_stops(model):
        raise asked.refusal("stop_sequences.model", "stop_sequences")
    return {"stop": stops} if stops else {}


def _sampling(asked: Asked, model: str, *, is_openai: bool) -> dict[str, Any]:
    refused = {"temperature", "top_p"} if openai_reasons(model) else set()
    refused |= {"top_k"} if is_openai else set()
    wanted = asked.some("temperature", "top_p", "top_k")
    for name, value in wanted.items():
        if name in refused and (name == "top_k" or value != 1):  # 1 is the default of the others
            asked.lose(name)
    return {name: value for name, value in wanted.items() if name not in refused}


def _reasoning(asked: Asked, config: Asked, model: str, *, beside_tools: bool) -> dict[str, Any]:
    effort = config.get("effort")
    thinking, budget = _thinking(asked)
    said = openai_effort_beside_tools(model) if beside_tools else ToolEffort.FREE
    if not openai_reasons(model) or said is not ToolEffort.FREE:
        if effort is not None:
            asked.lose("output_config.effort")
        if thinking not in {"", "disabled"}:
            asked.lose("thinking")
        return {"reasoning_effort": "none"} if said is ToolEffort.ONLY_NONE else {}
    if thinking == "disabled":
        asked.lose("thinking")
    if effort is not None:
        if budget:
            asked.lose("thinking.budget_tokens")
        return {"reasoning_effort": effort}
    return {"reasoning_effort": _effort(budget)} if budget else {}


def _thinking(asked: Asked) -> tuple[str, int]:
    """Return the type of thinking, empty when none is said, and its budget, 0 when it has none."""
    if asked.get("thinking") is None:
        return "", 0
    thinking = asked.open("thinking")
    kind = thinking.kind("enabled", "adaptive", "between_tools", "disabled")
    if kind != "enabled":
        return kind, 0
    budget: int = thinking.need("budget_tokens")
    if not MIN_THINKING_TOKENS <= budget < asked.need("max_tokens"):
        wanted = f"at least {MIN_THINKING_TOKENS} and less than max_tokens"
        raise thinking.out_of_range("budget_tokens", wanted)
    return kind, budget


def _effort(budget_tokens: int) -> str:
    if budget_tokens <= LOW_BUDGET_TOKENS:
        return "low"
    return "medium" if budget_tokens <= MEDIUM_BUDGET_TOKENS else "high"


def _form(config: Asked) -> dict[str, Any]:
    if config.get("format") is None:
        return {}
    form = config.open("format")
    form.kind("json_schema")
    schema = form.need("schema")
    strict = is_strict(schema)
    if not strict:
        form.lose("output_config.format.strict")
    described = {"name": SCHEMA_NAME, "schema": schema, "strict": strict}
    return {"response_format": {"type": "json_schema", "json_schema": described}}


def _user(asked: Asked, *, is_openai: bool) -> dict[str, Any]:
    user = asked.open("metadata", {}).get("user_id")
    if user is None:
        return {}
    return {"safety_identifier" if is_openai else "user": bounded(user, OPENAI_MAX_CHARS)}
