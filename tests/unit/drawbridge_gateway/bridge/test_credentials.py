"""How long a key is believed. The clock is ours."""

import asyncio

import pytest
from drawbridge_crds.reports import CredentialState
from drawbridge_crds.values import SecretKeyRef
from drawbridge_gateway.bridge.credentials import (
    READABLE_FOR_S,
    UNREADABLE_FOR_S,
    Credential,
    CredentialError,
    Credentials,
)

REF = SecretKeyRef(name="cloud", key="api-key")
FAILURE = CredentialError(CredentialState.FORBIDDEN, "no")


class Vault:
    """A Secret that counts its reads."""

    def __init__(self, *answers: str | CredentialError) -> None:
        self.answers = list(answers)
        self.reads = 0
        self.now_s = 0.0
        self.gate = asyncio.Event()
        self.gate.set()
        self.credentials = Credentials(self.read, clock=lambda: self.now_s)

    async def read(self, _tenant: str, _ref: SecretKeyRef) -> str:
        self.reads += 1
        answer = self.answers.pop(0)
        await self.gate.wait()
        if isinstance(answer, CredentialError):
            raise answer
        return answer

    async def key_at(self, now_s: float) -> str:
        self.now_s = now_s
        try:
            return (await self.credentials.credential("team-a", REF)).key
        except CredentialError as error:
            return error.state


@pytest.mark.parametrize(
    ("answers", "at_s", "seen"),
    [
        pytest.param(["a", "b"], [0, READABLE_FOR_S - 1], ["a", "a"], id="a key holds for a minute"),
        pytest.param(["a", "b"], [0, READABLE_FOR_S], ["a", "b"], id="then it is read again"),
        pytest.param(
            [FAILURE, "b"], [0, UNREADABLE_FOR_S - 1], ["Forbidden"] * 2, id="a failure holds for seconds"
        ),
        pytest.param(
            [FAILURE, "b"], [0, UNREADABLE_FOR_S], ["Forbidden", "b"], id="then a mended one is seen"
        ),
        pytest.param(
            ["a", FAILURE], [0, READABLE_FOR_S], ["a", "Forbidden"], id="a withdrawn key is not kept"
        ),
    ],
)
async def test_life_of_a_key(
    answers: list[str | CredentialError], at_s: list[float], seen: list[str]
) -> None:
    vault = Vault(*answers)

    assert [await vault.key_at(now_s) for now_s in at_s] == seen


@pytest.mark.parametrize(
    ("refused_at_s", "asked_at_s", "seen"),
    [
        pytest.param(0, UNREADABLE_FOR_S - 1, "a", id="just read: it is not read for each request"),
        pytest.param(0, UNREADABLE_FOR_S, "b", id="then it is read again"),
        pytest.param(UNREADABLE_FOR_S - 1, UNREADABLE_FOR_S, "b", id="a late refusal puts nothing off"),
        pytest.param(READABLE_FOR_S - 2, READABLE_FOR_S - 1, "b", id="read long ago: it is read at once"),
    ],
)
async def test_refused_key_is_read_again_soon(refused_at_s: float, asked_at_s: float, seen: str) -> None:
    vault = Vault("a", "b")
    await vault.key_at(0)
    await vault.key_at(refused_at_s)
    vault.credentials.refused("team-a", REF)

    assert await vault.key_at(asked_at_s) == seen


async def test_tenants_do_not_share() -> None:
    vault = Vault("a", "b")
    await vault.credentials.credential("team-a", REF)

    assert (await vault.credentials.credential("team-b", REF)).key == "b"


async def test_client_that_leaves_does_not_take_the_read_from_others() -> None:
    vault = Vault("a")
    vault.gate.clear()
    leaves, stays = (asyncio.create_task(vault.key_at(0)) for _ in range(2))
    await asyncio.sleep(0)  # both wait now

    leaves.cancel()
    await asyncio.sleep(0)
    vault.gate.set()

    assert await stays == "a"
    assert vault.reads == 1


def test_credential_does_not_show_its_key() -> None:
    assert "sesame" not in repr(Credential("sesame"))
