"""An OpenAI client's request as Anthropic's Messages API takes it."""

from collections.abc import Mapping
from typing import Any, Final

from drawbridge_gateway.bridge.translate.messages_to_anthropic import conversation, plain
from drawbridge_gateway.bridge.translate.models import claude_adapts, claude_samples, claude_thinks
from drawbridge_gateway.bridge.translate.rules import Translated, Translation
from drawbridge_gateway.bridge.translate.rules_from_openai import RULES
from drawbridge_gateway.bridge.translate.shapes import record, records, text
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


def to_anthropic(body: Mapping[str, Any], model: str) -> Translated:
    """Translate a request for the Claude model `model`.

    Raises:
        RequestRefused: it asks for what Anthropic's API cannot say, or is not in its own API's shape.
    """
    translation = Translation("Anthropic's Messages API", RULES)
    asked = translation.sift(body)
    system, turns = conversation(translation, asked.get("messages"))
    if turns[-1]["role"] == "assistant" and not asked.get("continue_final_message"):
        raise translation.refusal("messages.assistant")
    tools, choice = _tools(translation, asked, turns)
    thinking = _thinking(translation, asked, model, turns, choice)
    written: dict[str, Any] = {"model": model, "max_tokens": _max_tokens(asked, thinking)}
    if system:
        written["system"] = plain(system)
    written["messages"] = [turn | {"content": plain(turn["content"])} for turn in turns]
    written |= {"tools": tools, "tool_choice": choice} if tools else {}
    written |= _ending(translation, asked) | _sampling(translation, asked, model, thinking)
    written |= _output(translation, asked, thinking)
    if user := asked.get("safety_identifier", asked.get("user")):
        written["metadata"] = {"user_id": bounded(user, ANTHROPIC_MAX_CHARS)}
    if asked.get("stream"):
        written["stream"] = True
    return Translated({name: value for name, value in written.items() if value != {}}, translation.losses)


def _max_tokens(asked: Mapping[str, Any], thinking: Mapping[str, Any]) -> int:
    limit: int | None = asked.get("max_completion_tokens", asked.get("max_tokens"))
    if limit is not None:
        return limit
    return DEFAULT_MAX_TOKENS + (THINKING_TOKENS[asked["reasoning_effort"]] if thinking else 0)


def _tools(
    translation: Translation, asked: Mapping[str, Any], turns: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return tools and choice.

    Anthropic refuses a conversation with calls of tools that are not declared, such as one that asks for
    a summary at last: they are declared by their names, and the model may not call them.
    """
    declared = records(asked.get("tools", []), "tools")
    tools = [_tool(translation, tool, f"tools[{index}]") for index, tool in enumerate(declared)]
    choice = _choice(translation, asked.get("tool_choice"))
    if not tools:
        if choice.get("type") in _FORCING:
            raise translation.refusal("tool_choice.tools", "tool_choice")
        used = dict.fromkeys(block["name"] for block in _blocks(turns) if block["type"] == "tool_use")
        return [{"name": name, "input_schema": {"type": "object"}} for name in used], {"type": "none"}
    if asked.get("parallel_tool_calls") is False and choice.get("type") != "none":
        choice = (choice or {"type": "auto"}) | {"disable_parallel_tool_use": True}
    return tools, choice


def _tool(translation: Translation, tool: Mapping[str, Any], where: str) -> dict[str, Any]:
    if tool.get("type") != "function":
        raise translation.refusal("tools.custom", where)
    function = translation.sift(record(tool.get("function"), f"{where}.function"), "tools.")
    schema = record(function.pop("parameters", {}), f"{where}.function.parameters")
    return function | {"input_schema": {"type": "object"} | schema}


def _choice(translation: Translation, choice: Any) -> dict[str, Any]:
    if choice is None:
        return {}
    if isinstance(choice, str) and choice in {"auto", "none", "required"}:
        return {"type": "any" if choice == "required" else choice}
    if isinstance(choice, dict) and choice.get("type") == "function":
        name = record(choice.get("function"), "tool_choice.function").get("name")
        return {"type": "tool", "name": text(name, "tool_choice.function.name")}
    raise translation.refusal("tool_choice.type")


def _ending(translation: Translation, asked: Mapping[str, Any]) -> dict[str, Any]:
    stop = asked.get("stop", [])
    stops = [text(one, "stop") for one in ([stop] if isinstance(stop, str) else stop)]
    if any(not one.strip() for one in stops):
        raise translation.refusal("stop.blank")
    return {"stop_sequences": stops} if stops else {}


def _sampling(
    translation: Translation, asked: Mapping[str, Any], model: str, thinking: Mapping[str, Any]
) -> dict[str, Any]:
    wanted = {name: asked[name] for name in ("temperature", "top_p", "top_k") if name in asked}
    if not claude_samples(model) or "budget_tokens" in thinking:
        for name in wanted:
            translation.lose(name)
        return {}
    if "temperature" in wanted and "top_p" in wanted:  # Claude 4.1 and later refuse both together
        translation.lose("top_p")
        del wanted["top_p"]
    if wanted.get("temperature", 0) > 1:
        translation.lose("temperature")
        wanted["temperature"] = 1
    return wanted


def _thinking(
    translation: Translation,
    asked: Mapping[str, Any],
    model: str,
    turns: list[dict[str, Any]],
    choice: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what `reasoning_effort` becomes; {} when nothing is asked or can be."""
    effort, adapts = asked.get("reasoning_effort"), claude_adapts(model)
    if effort is None or (effort == "none" and not adapts):
        return {}
    limit = asked.get("max_completion_tokens", asked.get("max_tokens"))
    if effort in THINKING_TOKENS and claude_thinks(model) and choice.get("type") not in _FORCING:
        if adapts:
            return {"type": "adaptive"}
        budget = min(THINKING_TOKENS[effort], limit // 2 if limit else THINKING_TOKENS[effort])
        # a result of a tool must follow on the thinking before its call, which OpenAI's clients do not have
        if budget >= MIN_THINKING_TOKENS and not _awaits_answer_to_tool(turns):
            return {"type": "enabled", "budget_tokens": budget}
    translation.lose("reasoning_effort")
    return {}


def _output(
    translation: Translation, asked: Mapping[str, Any], thinking: Mapping[str, Any]
) -> dict[str, Any]:
    """Return `thinking` and `output_config`, which share the effort."""
    config: dict[str, Any] = {}
    if thinking.get("type") == "adaptive":
        effort = asked["reasoning_effort"]
        config["effort"] = "low" if effort == "minimal" else effort
    if "response_format" in asked:
        config["format"] = _form(translation, asked["response_format"])
    return {"thinking": dict(thinking), "output_config": config}


def _form(translation: Translation, form: Mapping[str, Any]) -> dict[str, Any]:
    where = "response_format.json_schema"
    if form.get("type") != "json_schema":
        raise translation.refusal("response_format.type")
    said = translation.sift({name: form[name] for name in form if name != "type"}, "response_format.")
    described = translation.sift(record(said.get("json_schema"), where), f"{where}.")
    return {"type": "json_schema", "schema": record(described.get("schema"), f"{where}.schema")}


def _awaits_answer_to_tool(turns: list[dict[str, Any]]) -> bool:
    return any(block["type"] == "tool_result" for block in turns[-1]["content"])


def _blocks(turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [block for turn in turns for block in turn["content"]]
