"""An OpenAI client's request as Anthropic's Messages API takes it."""

from collections.abc import Mapping
from typing import Any, Final

from drawbridge_gateway.bridge.translate.messages_to_anthropic import conversation, plain
from drawbridge_gateway.bridge.translate.models import (
    claude_adapts,
    claude_holds_to_schemas,
    claude_samples,
    claude_thinks,
)
from drawbridge_gateway.bridge.translate.rules import Asked, Translated, Translation
from drawbridge_gateway.bridge.translate.rules_from_openai import RULES
from drawbridge_gateway.bridge.translate.schemas import closed, is_closed, says_open
from drawbridge_gateway.bridge.translate.users import ANTHROPIC_MAX_CHARS, bounded

DEFAULT_MAX_TOKENS: Final = 8192
"""Anthropic demands a limit where OpenAI has none. Our choice: a long file of code, which every Claude since
3.5 allows. A longer answer ends with `finish_reason: length`, so it is never cut unnoticed."""

THINKING_TOKENS: Final = {
    "minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 20480, "max": 23808,
}  # fmt: skip
"""For models that take a budget, and added to DEFAULT_MAX_TOKENS for all that think, since thinking counts
into the limit. Ours; with the default the largest is 32,000, the least that any Claude since 4 allows."""

MIN_THINKING_TOKENS: Final = 1024
"""Anthropic's own limit."""

_FORCING: Final = frozenset({"any", "tool"})

_CHOICES: Final = {"auto": "auto", "required": "any", "none": "none"}


def to_anthropic(body: Mapping[str, Any], model: str) -> Translated:
    """Translate a request for the Claude model `model`.

    Raises:
        RequestRefused: it asks for what Anthropic's API cannot say, or is not in its own API's shape.
    """
    translation = Translation("Anthropic's Messages API", RULES)
    asked = translation.open(body)
    asked.acknowledge("model")  # the policy names another one
    system, turns = conversation(asked)
    if _is_prefilled(turns):
        if not asked.get("continue_final_message"):
            raise asked.refusal("messages.assistant")
        if claude_adapts(model):  # "This model does not support assistant message prefill"
            raise asked.refusal("continue_final_message.model", "continue_final_message")
    tools, choice = _tools(asked, model, turns)
    thinking = _thinking(asked, model, turns, choice)
    written: dict[str, Any] = {"model": model, "max_tokens": _max_tokens(asked, thinking)}
    if system:
        written["system"] = plain(system)
    written["messages"] = [turn | {"content": plain(turn["content"])} for turn in turns]
    written |= {"tools": tools, "tool_choice": choice} if tools else {}
    written |= _ending(asked) | _sampling(asked, model, thinking) | _output(asked, model, thinking)
    if user := asked.first("safety_identifier", "user"):
        written["metadata"] = {"user_id": bounded(user, ANTHROPIC_MAX_CHARS)}
    if asked.get("stream"):
        written["stream"] = True
    # the stream is translated with usage or without
    asked.open("stream_options", {}).acknowledge("include_usage")
    return translation.done({name: value for name, value in written.items() if value != {}})


def _limit(asked: Asked) -> int | None:
    limit: int | None = asked.first("max_completion_tokens", "max_tokens")
    return limit


def _max_tokens(asked: Asked, thinking: Mapping[str, Any]) -> int:
    limit = _limit(asked)
    if limit is not None:
        return limit
    return DEFAULT_MAX_TOKENS + (THINKING_TOKENS[asked.get("reasoning_effort")] if thinking else 0)


def _tools(
    asked: Asked, model: str, turns: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return tools and choice.

    Anthropic refuses a conversation with calls of tools that are not declared, such as one that asks for
    a summary at last: they are declared by their names, and the model may not call them.
    """
    tools = [_tool(tool, model) for tool in asked.each("tools", [])]
    choice, parallel = _choice(asked), asked.get("parallel_tool_calls", True)
    if not tools:
        if choice.get("type") in _FORCING:
            raise asked.refusal("tool_choice.tools", "tool_choice")
        used = dict.fromkeys(block["name"] for block in _blocks(turns) if block["type"] == "tool_use")
        return [{"name": name, "input_schema": {"type": "object"}} for name in used], {"type": "none"}
    if not parallel and choice.get("type") != "none":
        choice = (choice or {"type": "auto"}) | {"disable_parallel_tool_use": True}
    return tools, choice


def _tool(tool: Asked, model: str) -> dict[str, Any]:
    tool.kind("function", otherwise="tools.custom")
    function = tool.open("function")
    said = {"name": function.need("name")} | function.some("description", "strict")
    schema = {"type": "object"} | function.get("parameters", {})
    if "strict" in said and not (claude_holds_to_schemas(model) and is_closed(schema)):
        tool.lose("tools.function.strict")
        del said["strict"]
    return said | {"input_schema": schema}


def _choice(asked: Asked) -> dict[str, Any]:
    choice = asked.get("tool_choice")
    if choice is None:
        return {}
    if isinstance(choice, str):
        if choice not in _CHOICES:
            raise asked.refusal("tool_choice.type", "tool_choice")
        return {"type": _CHOICES[choice]}
    named = asked.open("tool_choice")
    named.kind("function")
    return {"type": "tool", "name": named.open("function").need("name")}


def _ending(asked: Asked) -> dict[str, Any]:
    stops = asked.texts("stop")
    if any(not one.strip() for one in stops):
        raise asked.refusal("stop.blank", "stop")
    return {"stop_sequences": stops} if stops else {}


def _sampling(asked: Asked, model: str, thinking: Mapping[str, Any]) -> dict[str, Any]:
    wanted = asked.some("temperature", "top_p", "top_k")
    if not claude_samples(model) or thinking:
        for name in wanted:
            asked.lose(name)
        return {}
    if "temperature" in wanted and "top_p" in wanted:  # Claude 4.1 and later refuse both together
        asked.lose("top_p")
        del wanted["top_p"]
    if wanted.get("temperature", 0) > 1:
        asked.lose("temperature")
        wanted["temperature"] = 1
    return wanted


def _thinking(
    asked: Asked, model: str, turns: list[dict[str, Any]], choice: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what `reasoning_effort` becomes; {} when nothing is asked or can be."""
    effort, limit, adapts = asked.get("reasoning_effort"), _limit(asked), claude_adapts(model)
    if effort is None or (effort == "none" and not adapts):
        return {}
    can_think = claude_thinks(model) and choice.get("type") not in _FORCING and not _is_prefilled(turns)
    if effort in THINKING_TOKENS and can_think:
        if adapts:
            return {"type": "adaptive"}
        budget = min(THINKING_TOKENS[effort], limit // 2 if limit else THINKING_TOKENS[effort])
        # a result of a tool must follow on the thinking before its call, which OpenAI's clients do not have
        if budget >= MIN_THINKING_TOKENS and not _awaits_answer_to_tool(turns):
            return {"type": "enabled", "budget_tokens": budget}
    asked.lose("reasoning_effort")
    return {}


def _output(asked: Asked, model: str, thinking: Mapping[str, Any]) -> dict[str, Any]:
    """Return `thinking` and `output_config`, which share the effort."""
    config: dict[str, Any] = {}
    if thinking.get("type") == "adaptive":
        effort = asked.get("reasoning_effort")
        config["effort"] = "low" if effort == "minimal" else effort
    if asked.get("response_format") is not None:
        config |= _form(asked.open("response_format"), model)
    return {"thinking": dict(thinking), "output_config": config}


def _form(form: Asked, model: str) -> dict[str, Any]:
    if form.kind("text", "json_schema") == "text":
        return {}
    schema, where = form.open("json_schema").get("schema"), "response_format.json_schema.schema"
    if schema is None:
        raise form.refusal(f"{where}.missing", where)
    if not claude_holds_to_schemas(model):
        raise form.refusal(f"{where}.model", where)
    if says_open(schema):
        raise form.refusal(f"{where}.additionalProperties", where)
    return {"format": {"type": "json_schema", "schema": closed(schema)}}


def _is_prefilled(turns: list[dict[str, Any]]) -> bool:
    last_role: str = turns[-1]["role"]
    return last_role == "assistant"


def _awaits_answer_to_tool(turns: list[dict[str, Any]]) -> bool:
    return any(block["type"] == "tool_result" for block in turns[-1]["content"])


def _blocks(turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [block for turn in turns for block in turn["content"]]
