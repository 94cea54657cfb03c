"""What becomes of an Anthropic client's request at an OpenAI or OpenAI-compatible cloud."""

from typing import Final

from drawbridge_gateway.bridge.translate.rules import BLOCK, Rules, kept, lost, refused
from drawbridge_gateway.bridge.translate.users import OPENAI_MAX_CHARS
from drawbridge_gateway.protocols.dialect import BOOLEAN, INTEGER, LIST, NUMBER, OBJECT, STRING

_REASONING: Final = "lost with models that reason (o3, gpt-5, ...), which take none"

_EFFORT: Final = (
    "beside `tools` from gpt-5.4 on, which reason with tools in OpenAI's Responses only (`none` is said from "
    "gpt-5.5 on)"
)

_NOT_STRICT: Final = "OpenAI holds strictly to no such schema"

RULES: Final[Rules] = {
    "model": kept(STRING, "the cloud's own model, as the policy names it"),
    # the conversation
    "system": kept(STRING | LIST, "a first message of role `system`"),
    "system.text": kept(STRING, "its text"),
    "system.citations": lost("OpenAI's messages have none", []),
    "system.type": refused("send text only"),
    "messages": kept(LIST, "`messages`; one with results of tools becomes several"),
    "messages.role": kept(STRING, "`user`, `assistant`, `system`, and `tool` for results"),
    "messages.role.other": refused("use user, assistant or system"),
    "messages.content": kept(STRING | LIST, "a text or a list of parts"),
    "messages.text": kept(BLOCK, "a part `text`"),
    "messages.text.text": kept(STRING, "its text"),
    "messages.text.citations": lost("OpenAI's messages have none", []),
    "messages.image": kept(BLOCK, "a part `image_url`, with a data: URL"),
    "messages.image.source": kept(OBJECT, "its `url`"),
    "messages.image.source.media_type": kept(STRING, "the type in its data: URL"),
    "messages.image.source.data": kept(STRING, "the data in its data: URL"),
    "messages.image.source.type": refused("send the image itself, as base64"),
    "messages.image.type": refused("send images as JPEG, PNG, GIF or WebP"),
    "messages.image.transformations": refused("send the image as it shall be seen"),
    "messages.document": kept(BLOCK, "a part `file`, when it is a PDF as base64"),
    "messages.document.source": kept(OBJECT, "its `file_data`"),
    "messages.document.source.media_type": kept(STRING, "the type in its data: URL"),
    "messages.document.source.data": kept(STRING, "the data in its data: URL"),
    "messages.document.source.type": refused("send a PDF as base64, or the text as a block `text`"),
    "messages.document.title": kept(STRING, "its `filename`"),
    "messages.document.context": lost("OpenAI's files have none"),
    "messages.document.citations": lost("OpenAI's messages have none", {"enabled": False}),
    "messages.tool_use": kept(BLOCK, "`tool_calls`; text after a call moves before it"),
    "messages.tool_use.id": kept(STRING, "`id`"),
    "messages.tool_use.name": kept(STRING, "`name`"),
    "messages.tool_use.name.length": refused("OpenAI takes names of at most 64 characters"),
    "messages.tool_use.input": kept(OBJECT, "`arguments`"),
    "messages.tool_use.caller": lost("the model itself is the only caller", {"type": "direct"}),
    "messages.tool_result": kept(BLOCK, "a message of role `tool`, before all else of its message"),
    "messages.tool_result.tool_use_id": kept(STRING, "`tool_call_id`"),
    "messages.tool_result.content": kept(
        STRING | LIST, "its text; images and files follow in a message of role `user`"
    ),
    "messages.tool_result.is_error": lost("the text alone says so", False),
    "messages.thinking": lost(
        "OpenAI takes no reasoning back; compatible clouds get it as `reasoning_content`"
    ),
    "messages.thinking.signature": lost("only Anthropic can check it", ""),
    "messages.redacted_thinking": lost("only Anthropic can read it"),
    "messages.content.type": refused(
        "blocks of server tools, searches and containers are Anthropic's own: leave them out"
    ),
    "messages.media": refused("OpenAI sees those of users only: send them with role `user`"),
    "messages.assistant": refused(
        "a last one asks to be continued: end with a message of role `user`, or ask Claude before 4.6, which "
        "continues it"
    ),
    # tools
    "tools": kept(LIST, "`tools` of type function"),
    "tools.type": refused("server tools are Anthropic's own: describe a tool of yours"),
    "tools.name": kept(STRING, "`function.name`"),
    "tools.name.length": refused("OpenAI takes names of at most 64 characters"),
    "tools.description": kept(STRING, "`function.description`"),
    "tools.input_schema": kept(OBJECT, "`function.parameters`"),
    "tools.strict": kept(BOOLEAN, f"`function.strict`; lost where {_NOT_STRICT}", False),
    "tools.input_examples": lost("put them into the description", []),
    "tools.allowed_callers": lost("the model itself is the only caller", ["direct"]),
    "tools.defer_loading": lost("all tools are shown at once", False),
    "tools.eager_input_streaming": lost("arguments are streamed in any case", False),
    "tool_choice": kept(OBJECT, "`auto`, `required` (for any), one function, or `none`"),
    "tool_choice.name": kept(STRING, "`function.name`"),
    "tool_choice.disable_parallel_tool_use": kept(BOOLEAN, "`parallel_tool_calls`, reversed", False),
    "tool_choice.type": refused("use auto, any, tool or none"),
    "tool_choice.tools": refused("it demands a call, and there are no `tools`: send them, or leave it out"),
    # length, sampling, ending
    "max_tokens": kept(INTEGER, "`max_completion_tokens` at OpenAI, `max_tokens` elsewhere"),
    "stop_sequences": kept(LIST, "`stop`", []),
    "stop_sequences.count": refused("OpenAI takes at most four"),
    "stop_sequences.model": refused(
        "OpenAI's models that reason (o3, o4-mini, gpt-5, ...) take none: leave them out, or ask another"
    ),
    "temperature": kept(NUMBER, f"`temperature`; {_REASONING}"),
    "top_p": kept(NUMBER, f"`top_p`; {_REASONING}"),
    "top_k": kept(INTEGER, "`top_k` at compatible clouds; lost at OpenAI, which has none"),
    # form
    "output_config": kept(OBJECT, "see its fields"),
    "output_config.format": kept(OBJECT, "`response_format`, a json_schema"),
    "output_config.format.type": refused("send a json_schema"),
    "output_config.format.schema": kept(OBJECT, "its `schema`, as it is"),
    "output_config.format.strict": lost(
        "OpenAI holds strictly only to closed schemas whose properties are all required"
    ),
    "output_config.effort": kept(
        STRING, f"`reasoning_effort`; lost with models that do not reason, and {_EFFORT}"
    ),
    "thinking": kept(
        OBJECT,
        "`reasoning_effort`: low up to 2048 tokens, medium up to 8192, high above; adaptive and "
        f"between_tools leave it to the model; lost with models that do not reason, {_EFFORT}, and when "
        "disabled with those that reason",
    ),
    "thinking.type": refused("use enabled, adaptive, between_tools or disabled"),
    "thinking.budget_tokens": kept(INTEGER, "see thinking; lost beside `output_config.effort`"),
    "thinking.display": lost("the cloud decides what it shows of its reasoning", "summarized"),
    "stream": kept(BOOLEAN, "`stream`, and usage is asked for"),
    # for the provider
    "metadata": kept(OBJECT, "see its field", {}),
    "metadata.user_id": kept(
        STRING,
        "`safety_identifier` at OpenAI, `user` elsewhere; its SHA-256 when it is longer than "
        f"{OPENAI_MAX_CHARS} characters",
    ),
    "service_tier": lost("the tiers differ", "auto"),
    "speed": lost("OpenAI has no such choice", "standard"),
    "diagnostics": lost("it is about Anthropic's cache"),
    "inference_geo": refused(
        "where it is worked on is Anthropic's to promise: leave it out, or ask its cloud"
    ),
    "container": refused("containers are Anthropic's own: leave it out"),
    "*.cache_control": lost("OpenAI caches by itself; it changes the price, not the answer"),
    "*.toolset_name": refused("toolsets are Anthropic's own: describe a tool of yours"),
}
"""Every field of Anthropic's Messages (anthropic 2.12), and the sampling that its models before 4.7 take."""

COMPATIBLE_RULES: Final[Rules] = {
    **RULES,
    "messages.thinking": kept(BLOCK, "`reasoning_content`"),
    "messages.thinking.thinking": kept(STRING, "its text"),
}
"""At a cloud that is not OpenAI's own: models with interleaved thinking want it back."""
