"""What goes in and what comes out, to be read side by side; and the official SDKs can read all of it."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from drawbridge_crds.cloud import Provider
from drawbridge_gateway.bridge.translate.requests_to_anthropic import to_anthropic
from drawbridge_gateway.bridge.translate.requests_to_openai import to_openai
from drawbridge_gateway.bridge.translate.stream_to_anthropic import EventStream
from drawbridge_gateway.bridge.translate.stream_to_openai import ChunkStream

from tests.unit.drawbridge_gateway.bridge.translate import sdk

GOLDEN = Path(__file__).parent / "golden"


def cases(folder: str) -> list[Any]:
    paths = sorted((GOLDEN / folder).glob("*.yaml"))
    assert paths, f"no golden files in {folder}"
    return [pytest.param(yaml.safe_load(path.read_text()), id=path.stem) for path in paths]


@pytest.mark.parametrize("case", cases("requests_from_openai"))
def test_request_from_openai(case: dict[str, Any]) -> None:
    translated = to_anthropic(case["asked"], case["model"])
    assert (translated.body, list(translated.lost)) == (case["written"], case["lost"])
    sdk.check_openai_request(case["asked"])
    sdk.check_anthropic_request(translated.body)


@pytest.mark.parametrize("case", cases("requests_from_anthropic"))
def test_request_from_anthropic(case: dict[str, Any]) -> None:
    translated = to_openai(case["asked"], case["model"], Provider(case["provider"]))
    assert (translated.body, list(translated.lost)) == (case["written"], case["lost"])
    sdk.check_anthropic_request(case["asked"])
    sdk.check_openai_request(translated.body)


@pytest.mark.parametrize("case", cases("streams_from_anthropic"))
def test_stream_from_anthropic(case: dict[str, Any]) -> None:
    stream = ChunkStream(created_s=case["chunks"][0]["created"], include_usage=True)
    chunks = [chunk for event in case["events"] for chunk in stream.take(event)] + stream.end()
    assert chunks == case["chunks"]
    sdk.read_chunks(chunks)


@pytest.mark.parametrize("case", cases("streams_from_anthropic"))
def test_usage_is_shown_only_when_it_was_asked_for(case: dict[str, Any]) -> None:
    stream = ChunkStream(created_s=case["chunks"][0]["created"], include_usage=False)
    chunks = [chunk for event in case["events"] for chunk in stream.take(event)] + stream.end()
    shown = [{name: chunk[name] for name in chunk if name != "usage"} for chunk in case["chunks"][:-1]]
    assert chunks == shown


@pytest.mark.parametrize("case", cases("streams_from_openai"))
def test_stream_from_openai(case: dict[str, Any]) -> None:
    stream = EventStream()
    events = [event for chunk in case["chunks"] for event in stream.take(chunk)] + stream.end()
    assert events == case["events"]
    sdk.read_events(events)
