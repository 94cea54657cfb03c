"""What becomes of an OpenAI client's request at an Anthropic cloud."""

from typing import Final

from drawbridge_gateway.bridge.translate.rules import Rules, kept, lost, refused
from drawbridge_gateway.bridge.translate.users import ANTHROPIC_MAX_CHARS
from drawbridge_gateway.protocols.dialect import BOOLEAN, INTEGER, LIST, NUMBER, OBJECT, STRING

_SAMPLING: Final = "lost with models that take none (Claude 4.7 and later) and beside `thinking`"

RULES: Final[Rules] = {
    "model": kept(STRING, "the cloud's own model, as the policy names it"),
    # the conversation
    "messages": kept(LIST, "`messages` and `system`; neighbours of one role become one message"),
    "messages.role": kept(STRING, "`system` and `developer` become `system`; `tool` becomes `user`"),
    "messages.role.other": refused("use system, developer, user, assistant or tool"),
    "messages.content": kept(STRING | LIST, "a text or blocks"),
    "messages.content.text": kept(STRING, "a block `text`"),
    "messages.content.image_url": kept(OBJECT, "a block `image`, from a data: URL"),
    "messages.content.image_url.url": kept(STRING, "its `source`; JPEG, PNG, GIF or WebP"),
    "messages.content.image_url.detail": lost("Anthropic always looks at the whole image", "auto"),
    "messages.content.image_url.address": refused("send the image itself, as a data: URL"),
    "messages.content.image_url.type": refused("send images as JPEG, PNG, GIF or WebP"),
    "messages.content.file": kept(OBJECT, "a block `document`, when it is a PDF as a data: URL"),
    "messages.content.file.file_data": kept(STRING, "its `source`"),
    "messages.content.file.filename": kept(STRING, "its `title`"),
    "messages.content.file.file_id": refused("send the file itself, as `file_data`"),
    "messages.content.file.type": refused("send documents as PDF, other files as text"),
    "messages.content.refusal": kept(STRING, "a block `text`"),
    "messages.content.input_audio": refused("send a transcript as text"),
    "messages.content.prompt_cache_breakpoint": lost("caching changes the price, not the answer"),
    "messages.content.type": refused("send text, images or PDF files only"),
    "messages.media": refused("Anthropic sees those of users and tools only: send them with role `user`"),
    "messages.tool_calls": kept(LIST, "blocks `tool_use`, after the text"),
    "messages.tool_calls.id": kept(STRING, "`id`; characters that Anthropic refuses become `_`"),
    "messages.tool_calls.function": kept(OBJECT, "see its fields"),
    "messages.tool_calls.function.name": kept(STRING, "`name`"),
    "messages.tool_calls.function.arguments": kept(STRING, "`input`"),
    "messages.tool_calls.custom": refused("describe the tool as a function"),
    "messages.tool_calls.arguments": refused("these are no JSON object, which Anthropic demands"),
    "messages.tool_call_id": kept(STRING, "`tool_use_id`; characters that Anthropic refuses become `_`"),
    "messages.refusal": kept(STRING, "a block `text`"),
    "messages.annotations": lost("they are about an earlier answer", []),
    "messages.name": lost("names of participants are unknown to Anthropic"),
    "messages.reasoning_content": lost("Anthropic takes only thinking that it has signed itself"),
    "messages.reasoning": lost("likewise"),
    "messages.audio": refused("send a transcript as text"),
    "messages.function_call": refused("use `tool_calls`"),
    "messages.system": lost(
        "one after the first question moves to the beginning, where every Claude takes it"
    ),
    "messages.blank": lost(
        "Anthropic refuses texts of white space alone, and messages without content: they are left out"
    ),
    "messages.assistant": refused(
        "a last one would be continued: end with a message of role `user`, or, if it shall, set "
        "`continue_final_message`, which pools and Claude before 4.6 take"
    ),
    "messages.user": refused("a conversation needs a question: send a message of role `user`"),
    # tools
    "tools": kept(
        LIST, "`tools`; those that only earlier messages use are declared again, and cannot be called"
    ),
    "tools.function": kept(OBJECT, "see its fields"),
    "tools.function.name": kept(STRING, "`name`"),
    "tools.function.description": kept(STRING, "`description`"),
    "tools.function.parameters": kept(OBJECT, "`input_schema`"),
    "tools.function.strict": kept(
        BOOLEAN,
        "`strict`; lost where an object in the schema is not closed, and with models before Claude 4.1",
        False,
    ),
    "tools.custom": refused("describe the tool as a function"),
    "tool_choice": kept(STRING | OBJECT, "`auto`, `any` (for required), `tool` or `none`"),
    "tool_choice.function": kept(OBJECT, "see its field"),
    "tool_choice.function.name": kept(STRING, "`name`"),
    "tool_choice.type": refused("name one function, or send only the tools that are allowed"),
    "tool_choice.tools": refused("it demands a call, and there are no `tools`: send them, or leave it out"),
    "parallel_tool_calls": kept(BOOLEAN, "`tool_choice.disable_parallel_tool_use`, reversed", True),
    "functions": refused("use `tools`"),
    "function_call": refused("use `tool_choice`"),
    "web_search_options": refused("describe a search as a function, and call it yourself"),
    # length, sampling, ending
    "max_completion_tokens": kept(
        INTEGER, "`max_tokens`; 8192 when absent, more for models that shall think"
    ),
    "max_tokens": kept(INTEGER, "`max_tokens`; lost beside max_completion_tokens"),
    "stop": kept(STRING | LIST, "`stop_sequences`"),
    "stop.blank": refused("Anthropic ends at no sequence of white space: name another one"),
    "temperature": kept(NUMBER, f"`temperature`; lost above 1, where it becomes 1; {_SAMPLING}", 1),
    "top_p": kept(NUMBER, f"`top_p`; lost beside `temperature`; {_SAMPLING}", 1),
    "top_k": kept(INTEGER, f"`top_k`; {_SAMPLING}", -1, 0),
    "n": refused("ask once for each answer", 1),
    "logprobs": refused("ask a pool or an OpenAI-compatible cloud", False),
    "top_logprobs": refused("ask a pool or an OpenAI-compatible cloud", 0),
    "logit_bias": refused("ask a pool or an OpenAI-compatible cloud", {}),
    "frequency_penalty": lost("no such penalty", 0),
    "presence_penalty": lost("no such penalty", 0),
    "repetition_penalty": lost("no such penalty", 1),
    "min_p": lost("no such sampling", 0),
    "seed": lost("answers cannot be repeated there"),
    "prediction": lost("it makes an answer faster, not another one"),
    # form
    "response_format": kept(OBJECT, "`output_config.format`, for json_schema; nothing, for text"),
    "response_format.type": refused("send a json_schema, or ask for JSON in words"),
    "response_format.json_schema": kept(OBJECT, "see its fields"),
    "response_format.json_schema.schema": kept(
        OBJECT, "its `schema`; objects that leave `additionalProperties` out are closed, as Anthropic demands"
    ),
    "response_format.json_schema.schema.missing": refused(
        "Anthropic has no form without one: send one, or ask for JSON in words"
    ),
    "response_format.json_schema.schema.additionalProperties": refused(
        "Anthropic takes closed objects only: set it to false, or leave it out"
    ),
    "response_format.json_schema.schema.model": refused(
        "models before Claude 4.1 take none: ask for JSON in words, or ask a pool or another cloud"
    ),
    "response_format.json_schema.name": lost("Anthropic's schemas have none"),
    "response_format.json_schema.description": lost("describe it in words, or within the schema"),
    "response_format.json_schema.strict": lost("Anthropic holds to every schema that it takes", True),
    "modalities": refused("only text is answered", ["text"]),
    "audio": refused("only text is answered"),
    "verbosity": lost("ask for the length in words", "medium"),
    "regex": refused("ask a pool, or send a json_schema"),
    "ebnf": refused("ask a pool, or send a json_schema"),
    "reasoning_effort": kept(
        STRING,
        "from Claude 4.6 on `thinking` adaptive and `output_config.effort` (minimal: low), before that a "
        "budget. Lost with models that do not think, beside a forced tool, and beside an answer to be "
        "continued. A budget is lost below 1024 tokens, and after a result of a tool. `none` is lost where "
        "the model decides itself",
    ),
    "stream": kept(BOOLEAN, "`stream`"),
    "stream_options": kept(OBJECT, "see its fields"),
    "stream_options.include_usage": kept(
        BOOLEAN, "nothing: usage is counted in any case; it says whether it is shown"
    ),
    "stream_options.include_obfuscation": lost("the length of what is streamed is not hidden", False),
    # for the provider
    "safety_identifier": kept(
        STRING, f"`metadata.user_id`; its SHA-256 when it is longer than {ANTHROPIC_MAX_CHARS} characters"
    ),
    "user": kept(STRING, "likewise; lost beside safety_identifier"),
    "metadata": lost("Anthropic stores none", {}),
    "store": lost("nothing is stored", False),
    "service_tier": lost("the tiers differ", "auto", "default"),
    "moderation": refused("ask an OpenAI cloud, or moderate in a request of its own"),
    "prompt_cache_key": lost("caching changes the price, not the answer"),
    "prompt_cache_options": lost("likewise"),
    "prompt_cache_retention": lost("likewise"),
    # for engines
    "stop_regex": refused("use `stop`", []),
    "stop_token_ids": refused("use `stop`", []),
    "min_tokens": lost("for engines only", 0),
    "ignore_eos": lost("for engines only", False),
    "no_stop_trim": lost("for engines only", False),
    "skip_special_tokens": lost("for engines only", True),
    "separate_reasoning": lost("thinking is always apart", True),
    "stream_reasoning": lost("thinking is always streamed", True),
    "continue_final_message": kept(
        BOOLEAN,
        "nothing: Claude before 4.6 continues a last message of the assistant by itself; lost where there is "
        "none",
        False,
    ),
    "continue_final_message.model": refused(
        "Claude 4.6 and later continue no answer: ask a pool, or end with a message of role `user`"
    ),
    "chat_template_kwargs": lost("for engines only", {}),
}
"""Every field of OpenAI's chat completions (openai 3.54) and every extension that the gateway lets pass."""
