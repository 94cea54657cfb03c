"""What the bridge answers where nothing leaves; when it does not is tested beside the gateway's own plan."""

import pytest
from drawbridge_crds.snapshot import GatewaySnapshot
from drawbridge_gateway.bridge.permission import permitted_cloud
from drawbridge_gateway.bridge.request import Envelope
from drawbridge_gateway.protocols.api_protocol import ApiProtocol
from drawbridge_gateway.protocols.errors import RequestRefused

from tests.unit.drawbridge_gateway.policies import GPT, TENANT, cloud_backend, route, snapshot

OUT = snapshot(route("out", cloud_backend("gpt")))


def envelope(cloud: str = "gpt") -> Envelope:
    return Envelope(ApiProtocol.OPENAI, tenant=TENANT, route="out", cloud=cloud, request_id="r")


def test_what_may_leave_goes_to_the_cloud_that_was_asked_for() -> None:
    assert permitted_cloud(OUT, envelope(), model="auto") == GPT


@pytest.mark.parametrize(
    ("content", "cloud", "told"),
    [
        pytest.param(
            None, "gpt", (503, "tenant_unknown", 1), id="an unknown tenant may be known in a moment"
        ),
        pytest.param(OUT, "claude", (403, "privacy_refused", None), id="a cloud of no route of it"),
    ],
)
def test_what_may_not_leave_is_told_whether_to_try_again(
    content: GatewaySnapshot | None, cloud: str, told: tuple[int, str, int | None]
) -> None:
    with pytest.raises(RequestRefused) as refused:
        permitted_cloud(content, envelope(cloud), model="auto")
    error = refused.value.error
    assert (error.status, error.code, error.retry_after_s) == told
