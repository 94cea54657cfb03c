from datetime import UTC, datetime
from typing import Final

import pytest
from drawbridge_crds.api_keys import MintedKey, key_digest, mint_key
from drawbridge_crds.snapshot import KeyTarget
from drawbridge_gateway.auth.grants import GrantIndex

KEY: Final = mint_key(lambda size: bytes(range(size)))
OTHER: Final = mint_key(lambda size: bytes(range(50, 50 + size)))
NOW_S: Final = 1_000_000.0


def target(
    key: MintedKey, *, expires_s: float | None = None, models: tuple[str, ...] | None = None
) -> KeyTarget:
    expires = None if expires_s is None else datetime.fromtimestamp(expires_s, UTC)
    return KeyTarget(digest=key_digest(key.secret), expires=expires, models=models)


def opened(index: GrantIndex, presented: str) -> str | None:
    grant = index.find(presented, NOW_S)
    return grant.tenant if grant else None


@pytest.fixture
def index() -> GrantIndex:
    index = GrantIndex()
    index.replace("team-a", {KEY.key_id: target(KEY, models=("auto",))})
    return index


def test_a_key_opens_its_tenant_with_its_models(index: GrantIndex) -> None:
    grant = index.find(KEY.secret, NOW_S)
    assert grant is not None
    assert (grant.tenant, grant.key_id, grant.models) == ("team-a", KEY.key_id, frozenset({"auto"}))


@pytest.mark.parametrize(
    "presented",
    [
        pytest.param("", id="an empty string"),
        pytest.param("sk-ant-api03-something", id="a key of another system"),
        pytest.param(OTHER.secret, id="a well-formed key that nobody has"),
        pytest.param(KEY.secret[:-1] + ("A" if KEY.secret[-1] != "A" else "B"), id="a wrong last character"),
        pytest.param(KEY.secret + "\n", id="a line end behind it"),
        pytest.param(
            f"dbk_{KEY.key_id}_" + OTHER.secret.rsplit("_", 1)[1], id="the id with another's secret"
        ),
        pytest.param("dbk_" + "é" * 16 + "_x", id="not ASCII"),
    ],
)
def test_nothing_else_opens_anything(index: GrantIndex, presented: str) -> None:
    assert opened(index, presented) is None


@pytest.mark.parametrize(
    ("expires_s", "opens"),
    [
        pytest.param(NOW_S + 1, True, id="a second before it expires"),
        pytest.param(NOW_S, False, id="at the moment it expires"),
    ],
)
def test_a_key_opens_nothing_once_expired(*, expires_s: float, opens: bool) -> None:
    index = GrantIndex()
    index.replace("team-a", {KEY.key_id: target(KEY, expires_s=expires_s)})
    assert (opened(index, KEY.secret) is not None) is opens


def test_a_key_that_is_not_listed_any_more_opens_nothing(index: GrantIndex) -> None:
    index.replace("team-a", {OTHER.key_id: target(OTHER)})
    assert opened(index, KEY.secret) is None
    assert opened(index, OTHER.secret) == "team-a"


def test_another_tenant_that_claims_the_same_id_neither_gets_nor_breaks_the_key(index: GrantIndex) -> None:
    index.replace("team-b", {KEY.key_id: target(OTHER)})
    assert opened(index, KEY.secret) == "team-a"
    index.replace("team-b", {})
    assert opened(index, KEY.secret) == "team-a"


def test_a_key_that_two_tenants_hold_opens_nothing_until_one_lets_go(index: GrantIndex) -> None:
    index.replace("team-b", {KEY.key_id: target(KEY)})
    assert opened(index, KEY.secret) is None
    index.replace("team-a", {})
    assert opened(index, KEY.secret) == "team-b"
