from collections.abc import Iterator

import anthropic
import openai
import pytest

from tests.standin import Standin


@pytest.fixture(scope="package")
def openai_client(cloud_standin: Standin) -> Iterator[openai.OpenAI]:
    """The SDK, made to check every answer against its own types, and to retry nothing."""
    with openai.OpenAI(
        base_url=cloud_standin.openai_base_url,
        api_key=cloud_standin.api_key,
        max_retries=0,
        http_client=openai.DefaultHttpxClient(verify=cloud_standin.ssl_context()),
        _strict_response_validation=True,
    ) as client:
        yield client


@pytest.fixture(scope="package")
def anthropic_client(cloud_standin: Standin) -> Iterator[anthropic.Anthropic]:
    """The SDK, made to check every answer against its own types, and to retry nothing."""
    with anthropic.Anthropic(
        base_url=cloud_standin.url,
        api_key=cloud_standin.api_key,
        max_retries=0,
        http_client=anthropic.DefaultHttpxClient(verify=cloud_standin.ssl_context()),
        _strict_response_validation=True,
    ) as client:
        yield client
