"""Writes a tiny Qwen2 that SGLang serves on any CPU: some 230 kB, equal bytes on every machine.

python3 tiny_model.py DIRECTORY

Needs Python alone. One token is one byte. Whatever it is asked it answers ANSWER, at temperature 0 and at 1,
so that tests know what to expect. Without its end token (`logit_bias: {"2": -100}`) it goes on to max_tokens.
Attention and feed-forward layers are random, and too weak to matter.
"""

import json
import random
import struct
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

CONTEXT_TOKENS = 32768
HIDDEN, LAYERS, HEADS, KEY_VALUE_HEADS, HEAD_SIZE, FEED_FORWARD = 64, 2, 4, 2, 16, 128

SPECIAL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
END = len(SPECIAL_TOKENS) - 1

ANSWER = "abcdefghijklmnopqrstuvwxyz."
"""No character twice: each token alone decides which follows, and the full stop is followed by the end."""

BIAS_INPUT = 4.0
"""The first number of every embedding. No layer writes there: it reaches the output and serves as a bias."""

BIAS_OUTPUT = 4.0
"""Its weight for the tokens of ANSWER. All others have zeros there, so none of them is ever drawn."""

FOLLOWING = 0.8
"""How strongly a token's embedding points at the next token, drawn 9999 times of 10000 at temperature 1."""

LAYER_NOISE = 0.1
"""Limit of the layers' random weights."""

CHAT_TEMPLATE = """\
{%- macro text(content) -%}
{%- if content is string -%}{{ content }}
{%- elif content is iterable -%}
{%- for part in content -%}{{ part.text if part.text is defined else '' }}{%- endfor -%}
{%- endif -%}
{%- endmacro -%}
{%- if tools -%}
<|im_start|>system
{% for tool in tools %}{{ tool | tojson }}
{% endfor %}<|im_end|>
{% endif -%}
{%- for message in messages -%}
<|im_start|>{{ message.role }}
{{ text(message.content) }}
{%- for call in message.tool_calls or [] %}
<tool_call>
{{ (call.function or call) | tojson }}
</tool_call>
{%- endfor -%}
<|im_end|>
{% endfor -%}
{%- if add_generation_prompt -%}
<|im_start|>assistant
{% endif -%}
"""
"""Qwen's shape; takes content as text, as parts or as nothing, tools, tool calls and tool results."""


def write(directory: Path) -> None:
    """Write the model's files into `directory`, which is made when it is missing."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in {
        "config.json": config(),
        "generation_config.json": {"do_sample": True, "temperature": 1.0, "eos_token_id": END},
        "tokenizer.json": tokenizer(),
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "eos_token": SPECIAL_TOKENS[END],
            "pad_token": SPECIAL_TOKENS[0],
            "model_max_length": CONTEXT_TOKENS,
            "chat_template": CHAT_TEMPLATE,
        },
    }.items():
        (directory / name).write_text(json.dumps(content, indent=1))
    rng = random.Random(0)  # noqa: S311 - not for secrets
    (directory / "model.safetensors").write_bytes(safetensors(dict(weights(rng))))


def config() -> dict[str, Any]:
    """Return the architecture in the form that Hugging Face's libraries read."""
    return {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "dtype": "bfloat16",
        "vocab_size": len(vocabulary()),
        "hidden_size": HIDDEN,
        "intermediate_size": FEED_FORWARD,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KEY_VALUE_HEADS,
        "max_position_embeddings": CONTEXT_TOKENS,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-6,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
        "tie_word_embeddings": False,
        "eos_token_id": END,
    }


def tokenizer() -> dict[str, Any]:
    """Return a byte-level tokenizer without merges, in the tokenizers library's form."""
    special = [
        dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
        | {"id": number, "content": token, "special": True}
        for number, token in enumerate(SPECIAL_TOKENS)
    ]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    return {
        "version": "1.0",
        "added_tokens": special,
        "normalizer": None,
        "pre_tokenizer": byte_level,
        "post_processor": None,
        "decoder": byte_level,
        "model": {"type": "BPE", "vocab": vocabulary(), "merges": []},
    }


def vocabulary() -> dict[str, int]:
    """Number the special tokens, then the 256 bytes."""
    return {token: number for number, token in enumerate([*SPECIAL_TOKENS, *_byte_characters()])}


def _byte_characters() -> list[str]:
    """Return the printable character that stands for each byte in byte-level tokenizers, by GPT-2's table."""
    printable = {
        *range(ord("!"), ord("~") + 1),
        *range(ord("¡"), ord("¬") + 1),
        *range(ord("®"), ord("ÿ") + 1),
    }
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) if byte in printable else chr(256 + others.index(byte)) for byte in range(256)]


Matrix = list[list[float]]  # rows x columns


def weights(rng: random.Random) -> Iterator[tuple[str, Matrix | list[float]]]:
    """Yield each parameter's name and values. Only random() is drawn: Python keeps its sequence forever."""
    embeddings = _noise(rng, len(vocabulary()), HIDDEN - 1, 1.0)
    yield "model.embed_tokens.weight", [[BIAS_INPUT, *row] for row in embeddings]
    for layer in range(LAYERS):
        name = f"model.layers.{layer}"
        yield f"{name}.input_layernorm.weight", [1.0] * HIDDEN
        for projection, heads in (("q", HEADS), ("k", KEY_VALUE_HEADS), ("v", KEY_VALUE_HEADS)):
            yield (
                f"{name}.self_attn.{projection}_proj.weight",
                _noise(rng, heads * HEAD_SIZE, HIDDEN, LAYER_NOISE),
            )
            yield f"{name}.self_attn.{projection}_proj.bias", [0.0] * (heads * HEAD_SIZE)
        yield f"{name}.self_attn.o_proj.weight", _into_hidden(rng, HEADS * HEAD_SIZE)
        yield f"{name}.post_attention_layernorm.weight", [1.0] * HIDDEN
        yield f"{name}.mlp.gate_proj.weight", _noise(rng, FEED_FORWARD, HIDDEN, LAYER_NOISE)
        yield f"{name}.mlp.up_proj.weight", _noise(rng, FEED_FORWARD, HIDDEN, LAYER_NOISE)
        yield f"{name}.mlp.down_proj.weight", _into_hidden(rng, FEED_FORWARD)
    yield "model.norm.weight", [1.0] * HIDDEN
    outputs = [[0.0] * HIDDEN for _ in embeddings]
    for token, following in pairwise(_answer_tokens()):
        outputs[following] = [BIAS_OUTPUT, *(FOLLOWING * value for value in embeddings[token])]
    yield "lm_head.weight", outputs


def _answer_tokens() -> list[int]:
    """Number the tokens of an answer, from the line end before it in the chat template to the end token."""
    return [*(len(SPECIAL_TOKENS) + byte for byte in b"\n" + ANSWER.encode()), END]


def _into_hidden(rng: random.Random, inputs: int) -> Matrix:
    """Draw a matrix that writes into all of the hidden state but its first number, the bias."""
    return [[0.0] * inputs, *_noise(rng, HIDDEN - 1, inputs, LAYER_NOISE)]


def _noise(rng: random.Random, rows: int, columns: int, limit: float) -> Matrix:
    return [[(2 * rng.random() - 1) * limit for _ in range(columns)] for _ in range(rows)]


def safetensors(tensors: dict[str, Matrix | list[float]]) -> bytes:
    """Encode tensors as bfloat16 in the safetensors format: length of the header, header as JSON, values."""
    header: dict[str, Any] = {}
    data = bytearray()
    for name, values in tensors.items():
        start = len(data)
        shape, flat = _flattened(values)
        data += b"".join(struct.pack("<f", value)[2:] for value in flat)  # bfloat16: a float32's upper half
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [start, len(data)]}
    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % 8)  # the format aligns values to 8 bytes
    return struct.pack("<Q", len(encoded)) + encoded + bytes(data)


def _flattened(values: Matrix | list[float]) -> tuple[list[int], list[float]]:
    rows = [row for row in values if isinstance(row, list)]
    if rows:
        return [len(rows), len(rows[0])], [value for row in rows for value in row]
    vector = [value for value in values if not isinstance(value, list)]
    return [len(vector)], vector


if __name__ == "__main__":
    write(Path(sys.argv[1]))
