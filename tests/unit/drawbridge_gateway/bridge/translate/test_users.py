"""An end user's name passes whole, or as its digest where the other provider would refuse it."""

import hashlib

import pytest
from drawbridge_crds.cloud import Provider
from drawbridge_gateway.bridge.translate.requests_to_anthropic import to_anthropic
from drawbridge_gateway.bridge.translate.requests_to_openai import to_openai

ASKED = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 9}


def said(user: str, *, hashed: bool) -> str:
    return hashlib.sha256(user.encode()).hexdigest() if hashed else user


@pytest.mark.parametrize("field", ["user", "safety_identifier"])
@pytest.mark.parametrize(("chars", "hashed"), [(256, False), (257, True)])
def test_anthropic_gets_at_most_256_characters(field: str, chars: int, hashed: bool) -> None:  # noqa: FBT001 - a column
    user = "ü" * chars
    translated = to_anthropic(ASKED | {field: user}, "claude-sonnet-4-5")
    assert translated.body["metadata"] == {"user_id": said(user, hashed=hashed)}


@pytest.mark.parametrize(
    ("provider", "field"), [(Provider.OPENAI, "safety_identifier"), (Provider.OPENAI_COMPATIBLE, "user")]
)
@pytest.mark.parametrize(("chars", "hashed"), [(64, False), (65, True)])
def test_openai_gets_at_most_64_characters(provider: Provider, field: str, chars: int, hashed: bool) -> None:  # noqa: FBT001 - a column
    user = "ü" * chars
    translated = to_openai(ASKED | {"metadata": {"user_id": user}}, "gpt-4o", provider)
    assert translated.body[field] == said(user, hashed=hashed)
