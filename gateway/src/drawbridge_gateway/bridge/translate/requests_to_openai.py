"""An Anthropic client's request as OpenAI's chat completions, and compatible ones, take it."""

from collections.abc import Mapping
from typing import Any, Final

from drawbridge_crds.cloud import Provider

from drawbridge_gateway.bridge.translate.messages_to_openai import conversation
from drawbridge_gateway.bridge.translate.models import openai_reasons
from drawbridge_gateway.bridge.translate.rules import Translated, Translation
from drawbridge_gateway.bridge.translate.rules_from_anthropic import RULES
from drawbridge_gateway.bridge.translate.shapes import record, records, text
from drawbridge_gateway.bridge.translate.users import OPENAI_MAX_CHARS, bounded

LOW_BUDGET_TOKENS: Final = 2048
MEDIUM_BUDGET_TOKENS: Final = 8192
"""Up to here a budget is a low or a medium effort. Our choice: the inverse of what an effort becomes."""

MAX_STOPS: Final = 4
"""OpenAI's own limit; compatible servers take more."""

SCHEMA_NAME: Final = "answer"
"""OpenAI demands one; Anthropic's schemas have none."""

_CHOICES: Final = {"auto": "auto", "any": "required", "none": "none"}

_FORCING: Final = frozenset({"any", "tool"})

_THINKING: Final = frozenset({"enabled", "adaptive", "between_tools", "disabled"})


def to_openai(body: Mapping[str, Any], model: str, provider: Provider) -> Translated:
    """Translate a request for a model of OpenAI, or of a compatible provider.

    Raises:
        RequestRefused: it asks for what OpenAI's API cannot say, or is not in its own API's shape.
    """
    translation = Translation("OpenAI's chat completions", RULES)
    asked = translation.sift(body)
    is_openai = provider is Provider.OPENAI
    written: dict[str, Any] = {
        "model": model,
        "messages": conversation(
            translation, asked.get("system"), asked.get("messages"), echo_reasoning=not is_openai
        ),
        # OpenAI's models that reason refuse the older name, many compatible servers the newer
        "max_completion_tokens" if is_openai else "max_tokens": asked.get("max_tokens"),
    }
    written |= _tools(translation, asked) | _ending(translation, asked, is_openai=is_openai)
    written |= _sampling(translation, asked, model, is_openai=is_openai)
    written |= _reasoning(translation, asked, model) | _form(translation, asked)
    written |= _user(translation, asked, is_openai=is_openai)
    if asked.get("stream"):
        written |= {"stream": True, "stream_options": {"include_usage": True}}
    return Translated(written, translation.losses)


def _tools(translation: Translation, asked: Mapping[str, Any]) -> dict[str, Any]:
    declared = records(asked.get("tools", []), "tools")
    choice = _choice(translation, asked["tool_choice"]) if "tool_choice" in asked else {}
    if not declared:
        if choice and asked["tool_choice"]["type"] in _FORCING:
            raise translation.refusal("tool_choice.tools", "tool_choice")
        return {}
    tools = [_tool(translation, tool, f"tools[{index}]") for index, tool in enumerate(declared)]
    return {"tools": tools} | choice


def _choice(translation: Translation, choice: Mapping[str, Any]) -> dict[str, Any]:
    parallel = {"parallel_tool_calls": False} if choice.get("disable_parallel_tool_use") else {}
    if choice.get("type") == "tool":
        function = {"name": text(choice.get("name"), "tool_choice.name")}
        return parallel | {"tool_choice": {"type": "function", "function": function}}
    word = _CHOICES.get(str(choice.get("type")))
    if word is None:
        raise translation.refusal("tool_choice.type")
    return parallel | {"tool_choice": word}


def _tool(translation: Translation, tool: Mapping[str, Any], where: str) -> dict[str, Any]:
    if tool.get("type") is not None and tool["type"] != "custom":
        raise translation.refusal("tools.type", where)
    function = translation.sift({name: tool[name] for name in tool if name != "type"}, "tools.")
    function["parameters"] = record(function.pop("input_schema", None), f"{where}.input_schema")
    return {"type": "function", "function": function}


def _ending(translation: Translation, asked: Mapping[str, Any], *, is_openai: bool) -> dict[str, Any]:
    stops = asked.get("stop_sequences")
    if not stops:
        return {}
    if is_openai and len(stops) > MAX_STOPS:
        raise translation.refusal("stop_sequences.count", "stop_sequences")
    return {"stop": stops}


def _sampling(
    translation: Translation, asked: Mapping[str, Any], model: str, *, is_openai: bool
) -> dict[str, Any]:
    refused = {"temperature", "top_p"} if openai_reasons(model) else set()
    refused |= {"top_k"} if is_openai else set()
    wanted = {name: asked[name] for name in ("temperature", "top_p", "top_k") if name in asked}
    for name, value in wanted.items():
        if name in refused and (name == "top_k" or value != 1):  # 1 is the default of the others
            translation.lose(name)
    return {name: value for name, value in wanted.items() if name not in refused}


def _reasoning(translation: Translation, asked: Mapping[str, Any], model: str) -> dict[str, Any]:
    effort = translation.sift(asked.get("output_config", {}), "output_config.").get("effort")
    thinking = _thinking(translation, asked)
    disabled = thinking.get("type") == "disabled"
    if not openai_reasons(model):
        if effort is not None:
            translation.lose("output_config.effort")
        if thinking and not disabled:
            translation.lose("thinking")
        return {}
    if disabled:
        translation.lose("thinking")
    if effort is not None:
        return {"reasoning_effort": effort}
    budget = thinking.get("budget_tokens")
    return {"reasoning_effort": _effort(budget)} if isinstance(budget, int) else {}


def _thinking(translation: Translation, asked: Mapping[str, Any]) -> dict[str, Any]:
    if "thinking" not in asked:
        return {}
    thinking = dict(asked["thinking"])
    kind = str(thinking.pop("type", None))
    if kind not in _THINKING:
        raise translation.refusal("thinking.type")
    return {"type": kind} | translation.sift(thinking, "thinking.")


def _effort(budget_tokens: int) -> str:
    if budget_tokens <= LOW_BUDGET_TOKENS:
        return "low"
    return "medium" if budget_tokens <= MEDIUM_BUDGET_TOKENS else "high"


def _form(translation: Translation, asked: Mapping[str, Any]) -> dict[str, Any]:
    form = asked.get("output_config", {}).get("format")
    if form is None:
        return {}
    where = "output_config.format"
    if record(form, where).get("type") != "json_schema":
        raise translation.refusal(f"{where}.type")
    said = translation.sift({name: form[name] for name in form if name != "type"}, f"{where}.")
    schema = record(said.get("schema"), f"{where}.schema")
    described = {"name": SCHEMA_NAME, "schema": schema, "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": described}}


def _user(translation: Translation, asked: Mapping[str, Any], *, is_openai: bool) -> dict[str, Any]:
    user = translation.sift(asked.get("metadata", {}), "metadata.").get("user_id")
    if user is None:
        return {}
    user = bounded(text(user, "metadata.user_id"), OPENAI_MAX_CHARS)
    return {"safety_identifier" if is_openai else "user": user}
