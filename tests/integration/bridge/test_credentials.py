"""How the bridge treats keys: read when needed, shared, given up when refused, told only as a state."""

import asyncio

import httpx
import pytest
from drawbridge_crds.reports import CredentialState
from drawbridge_gateway.bridge.credentials import UNREADABLE_FOR_S, CredentialError

from tests.integration.bridge.conftest import CLAUDE, GPT, TENANT, Running, ask

SECRET = (TENANT, "cloud-keys")


async def told(bridge: Running, http: httpx.AsyncClient) -> httpx.Response:
    return await http.get(f"/status/credentials/{TENANT}", headers=bridge.headers(GPT))


async def test_many_requests_cause_one_read(bridge: Running, http: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(ask(bridge, http) for _ in range(5)))

    assert {answer.status_code for answer in answers} == {200}
    assert bridge.reads[SECRET] == 1


async def test_key_that_cannot_be_read(bridge: Running, http: httpx.AsyncClient) -> None:
    del bridge.secrets[SECRET]

    answer = await ask(bridge, http)

    assert answer.status_code == 502
    assert answer.json()["error"]["code"] == "cloud_credentials_unreadable"
    assert 'Secret "cloud-keys" does not exist' in answer.json()["error"]["message"]
    assert bridge.standin.total() == 0


async def test_refused_key_is_read_again_soon_but_not_for_each_request(
    bridge: Running, http: httpx.AsyncClient
) -> None:
    bridge.secrets[SECRET] = "withdrawn-key"
    for _ in range(3):
        assert (await ask(bridge, http)).status_code == 502
    assert bridge.reads[SECRET] == 1
    bridge.secrets[SECRET] = bridge.standin.api_key
    bridge.later_s = UNREADABLE_FOR_S

    answer = await ask(bridge, http)

    assert answer.status_code == 200
    assert bridge.reads[SECRET] == 2


async def test_key_that_cannot_be_a_header(bridge: Running, http: httpx.AsyncClient) -> None:
    bridge.secrets[SECRET] = "two words\r\nx-injected: 1"

    answer = await ask(bridge, http)

    assert answer.status_code == 502
    assert "printable ASCII" in answer.text
    assert "two words" not in answer.text
    assert bridge.standin.total() == 0


async def test_line_end_of_a_file_is_not_part_of_the_key(bridge: Running, http: httpx.AsyncClient) -> None:
    bridge.secrets[SECRET] = f"{bridge.standin.api_key}\n"

    assert (await ask(bridge, http)).status_code == 200


@pytest.mark.parametrize(
    ("secret", "state"),
    [
        pytest.param("any-key", "Readable", id="it can be read"),
        pytest.param(None, "NotFound", id="it does not exist"),
        pytest.param(CredentialError(CredentialState.FORBIDDEN, "no"), "Forbidden", id="it may not be read"),
        pytest.param(CredentialError(CredentialState.ERROR, "no"), "Error", id="the API server does not say"),
    ],
)
async def test_states_for_the_operator(
    bridge: Running, http: httpx.AsyncClient, secret: str | CredentialError | None, state: str
) -> None:
    bridge.secrets.pop(SECRET)
    if secret is not None:
        bridge.secrets[SECRET] = secret

    answer = await told(bridge, http)

    assert answer.status_code == 200
    secret_ref = {"name": "cloud-keys", "key": "api-key"}
    assert answer.json() == {
        "clouds": [{"cloud": name, "secret": secret_ref, "state": state} for name in (CLAUDE, GPT)]
    }


async def test_tenant_without_a_snapshot_has_no_states(bridge: Running, http: httpx.AsyncClient) -> None:
    bridge.state.drop_snapshot(TENANT)

    assert (await told(bridge, http)).status_code == 404
