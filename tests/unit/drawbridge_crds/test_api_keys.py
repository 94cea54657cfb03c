import json

import pytest
from drawbridge_crds.api_keys import key_digest, key_id_of, key_matches, mint_key, parse_keys

KEY = mint_key(lambda n: bytes(range(n)))


def test_a_minted_key_carries_its_id_and_matches_its_own_digest_only() -> None:
    other = mint_key(bytes)
    assert key_id_of(KEY.secret) == KEY.key_id
    assert key_matches(KEY.secret, key_digest(KEY.secret))
    assert not key_matches(other.secret, key_digest(KEY.secret))


@pytest.mark.parametrize(
    "text",
    ["", "dbk_", "sk-ant-api03-abc", KEY.secret + "x", KEY.secret[:-1], KEY.secret.upper(), f" {KEY.secret}"],
)
def test_what_does_not_have_a_keys_form_has_no_id(text: str) -> None:
    assert key_id_of(text) is None


def test_one_bad_entry_is_named_and_the_others_work() -> None:
    good = {"digest": key_digest(KEY.secret), "name": "ci", "created": "2026-11-22T00:00:00Z"}
    entries, invalid = parse_keys(
        {
            KEY.key_id: json.dumps(good),
            "not-json": "{",
            KEY.secret: json.dumps(good),
            "no-zone": json.dumps({**good, "created": "2026-11-22T00:00:00"}),
            "extra": json.dumps({**good, "admin": True}),
        }
    )
    assert list(entries) == [KEY.key_id]
    assert invalid == (KEY.secret, "extra", "no-zone", "not-json"), "a whole key is no id"
