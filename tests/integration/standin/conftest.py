from collections.abc import Iterator

import anthropic
import openai
import pytest

from tests.standin import Standin, standin_thread


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standin]:
    with standin_thread(tmp_path_factory.mktemp("standin-tls")) as standin:
        yield standin


@pytest.fixture
def standin(running: Standin) -> Standin:
    """A stand-in that has received nothing."""
    running.forget()
    return running


@pytest.fixture(scope="package")
def openai_client(running: Standin) -> Iterator[openai.OpenAI]:
    """The SDK, made to check every answer against its own types, and to retry nothing."""
    with openai.OpenAI(
        base_url=running.openai_base_url,
        api_key=running.api_key,
        max_retries=0,
        http_client=openai.DefaultHttpxClient(verify=running.ssl_context()),
        _strict_response_validation=True,
    ) as client:
        yield client


@pytest.fixture(scope="package")
def anthropic_client(running: Standin) -> Iterator[anthropic.Anthropic]:
    """The SDK, made to check every answer against its own types, and to retry nothing."""
    with anthropic.Anthropic(
        base_url=running.url,
        api_key=running.api_key,
        max_retries=0,
        http_client=anthropic.DefaultHttpxClient(verify=running.ssl_context()),
        _strict_response_validation=True,
    ) as client:
        yield client
