import pytest
from drawbridge_crds.cloud import Cloud, Provider
from drawbridge_crds.values import SecretKeyRef
from drawbridge_gateway.protocols.providers import PROVIDERS
from pydantic import ValidationError


def test_every_provider_has_a_row() -> None:
    assert PROVIDERS.keys() == set(Provider)


@pytest.mark.parametrize("provider", Provider)
def test_a_policy_may_leave_the_url_out_where_the_provider_has_one(provider: Provider) -> None:
    fields = {
        "name": "gpt",
        "provider": provider,
        "model": "m",
        "secretKeyRef": SecretKeyRef(name="s", key="k"),
    }
    if PROVIDERS[provider].base_url is not None:
        assert Cloud.model_validate(fields).base_url is None
    else:
        with pytest.raises(ValidationError, match="needs a baseURL"):
            Cloud.model_validate(fields)
