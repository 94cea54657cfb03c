"""Numbers of tokens and reasons to stop, in both protocols.

Anthropic counts what was read from and written to its cache apart from `input_tokens`; OpenAI's
`prompt_tokens` contains both.
"""

from collections.abc import Mapping
from typing import Any, Final

from drawbridge_gateway.bridge.translate.shapes import CutAnswerError, FailedAnswerError, part, words
from drawbridge_gateway.protocols.dialect import count

_FINISH_REASONS: Final = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_STOP_REASONS: Final = {
    "stop": "end_turn",
    "length": "max_tokens",
    "model_length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}

CUTS: Final = frozenset({"max_tokens", "model_context_window_exceeded"})
"""Anthropic's reasons that cut an answer short."""

LIMITS: Final = frozenset({"length", "model_length"})
"""Reasons that cut an answer short: OpenAI's, and Mistral's for the end of the context."""

_FAILURES: Final = frozenset({"error", "abort", "insufficient_system_resource"})
"""Reasons that are none to end well: of Mistral and OpenRouter, of SGLang and vLLM, and of DeepSeek."""


def finish_reason(stop_reason: object) -> str:
    """Return OpenAI's word for why an answer ended; one that is not known yet is a plain end.

    Raises:
        CutAnswerError: there is no reason.
    """
    if not stop_reason:
        raise CutAnswerError("the answer does not say why it ended")
    return _FINISH_REASONS.get(str(stop_reason), "stop")


def stop_reason(
    choice: Mapping[str, Any], *, has_calls: bool, refused: bool = False
) -> tuple[str, str | None]:
    """Return Anthropic's word for why an answer ended, and the stop sequence that did it.

    OpenAI does not tell whether a stop sequence did; SGLang (`matched_stop`) and vLLM (`stop_reason`) do.
    Some servers call an end with tool calls a plain stop, or use a word of their own; clients of Anthropic's
    would not call them then. No server is known to leave the reason out, and Anthropic's clients would take
    any word for it as the provider's own: so an answer without one counts as cut, whole or not.

    Raises:
        CutAnswerError: there is no reason.
        FailedAnswerError: the reason is a failure.
    """
    reason = choice.get("finish_reason")
    if not reason:
        raise CutAnswerError("the answer does not say why it ended")
    if str(reason) in _FAILURES:
        raise FailedAnswerError("the answer says that it failed")
    if refused and not has_calls:  # OpenAI calls a refusal a plain stop
        return "refusal", None
    told = _STOP_REASONS.get(str(reason), "end_turn")
    if has_calls and told == "end_turn":
        return "tool_use", None
    if reason == "stop":
        for matched in (choice.get("matched_stop"), choice.get("stop_reason")):
            if isinstance(matched, str):
                return "stop_sequence", matched
    return told, None


def explanation(holder: Mapping[str, Any]) -> str | None:
    """Return why Anthropic refuses; None when it does not, or does not say."""
    if holder.get("stop_reason") != "refusal":
        return None
    return words(part(holder, "stop_details"), "explanation") or None


def openai_usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    """Write Anthropic's usage as OpenAI's."""
    read, written = (
        count(usage.get("cache_read_input_tokens")),
        count(usage.get("cache_creation_input_tokens")),
    )
    prompt, completion = count(usage.get("input_tokens")) + read + written, count(usage.get("output_tokens"))
    thinking = count(part(usage, "output_tokens_details").get("thinking_tokens"))
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": read, "cache_write_tokens": written},
        "completion_tokens_details": {"reasoning_tokens": thinking},
    }


def anthropic_usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    """Write OpenAI's usage as Anthropic's."""
    details = part(usage, "prompt_tokens_details")
    read, written = count(details.get("cached_tokens")), count(details.get("cache_write_tokens"))
    thinking = count(part(usage, "completion_tokens_details").get("reasoning_tokens"))
    return {
        "input_tokens": max(count(usage.get("prompt_tokens")) - read - written, 0),
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "output_tokens": count(usage.get("completion_tokens")),
    } | ({"output_tokens_details": {"thinking_tokens": thinking}} if thinking else {})
