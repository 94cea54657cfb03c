import hashlib
import json
import random
import struct
from pathlib import Path

import pytest

from tests.cluster.images.engine import tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "new"
    tiny_model.write(folder)
    return folder


def test_the_weights_are_the_same_everywhere(model: Path) -> None:
    digest = hashlib.sha256((model / "model.safetensors").read_bytes()).hexdigest()
    assert digest == "98c731c3bcf42aae02695cbf4e813097f04f1c31a14b07dca187992013f251b6"


def test_the_header_describes_the_data_without_gaps(model: Path) -> None:
    content = (model / "model.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    end = 0
    for tensor in header.values():
        start, next_end = tensor["data_offsets"]
        values = 1
        for size in tensor["shape"]:
            values *= size
        assert (start, next_end - start) == (end, 2 * values)
        end = next_end
    assert 8 + length + end == len(content)
    assert (8 + length) % 8 == 0


def test_bfloat16_is_the_upper_half_of_a_float32() -> None:
    encoded = tiny_model.safetensors({"x": [1.0, -2.0]})
    assert encoded[-4:] == b"\x80\x3f\x00\xc0"


def test_every_byte_is_one_token_and_the_specials_come_first() -> None:
    vocabulary = tiny_model.vocabulary()
    assert list(vocabulary.values()) == list(range(3 + 256))
    assert [vocabulary[token] for token in tiny_model.SPECIAL_TOKENS] == [0, 1, 2]
    assert vocabulary["a"] == 3 + ord("a")
    assert vocabulary["Ġ"] == 3 + ord(" ")  # GPT-2's stand-in for a space
    assert vocabulary["Ċ"] == 3 + ord("\n")


def test_reading_off_the_weights_gives_the_answer() -> None:
    """The likeliest next token, by embedding and output weights alone, spells ANSWER and then ends."""
    weights = dict(tiny_model.weights(random.Random(0)))  # noqa: S311 - not for secrets
    embeddings, outputs = weights["model.embed_tokens.weight"], weights["lm_head.weight"]

    def next_token(token: int) -> int:
        hidden = embeddings[token]
        assert isinstance(hidden, list)
        scores = [
            sum(h * o for h, o in zip(hidden, row, strict=True)) for row in outputs if isinstance(row, list)
        ]
        return max(range(len(scores)), key=scores.__getitem__)

    token, answer = 3 + ord("\n"), ""
    for _ in range(len(tiny_model.ANSWER)):
        token = next_token(token)
        answer += chr(token - 3)
    assert answer == tiny_model.ANSWER
    assert next_token(token) == tiny_model.END
