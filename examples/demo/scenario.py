"""The requests of the demo, sent through the gateway with the official SDKs, as any client would."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import anthropic
import openai
from drawbridge_crds.policy import RoutingPolicy
from drawbridge_gateway.cost import Usage, answer_cost

Client = Literal["openai", "anthropic"]


@dataclass(frozen=True, slots=True)
class Question:
    """One request to send."""

    client: Client
    task: str | None
    """Value of the header x-drawbridge-task; None sends none, which leads to the default route."""

    model: str = "auto"
    stream: bool = False
    strict: bool = False
    """Ask for more privacy than the policy does (header x-drawbridge-privacy)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, as the table shows it."""

    question: Question
    route: str
    backend: str
    """pool/NAME, cloud/NAME, or "refused"."""

    privacy: str
    latency_s: float
    cost: Decimal | None
    detail: str
    """The beginning of the answer, or the error's own words."""

    note: str = ""
    """What was special when it was asked."""


QUESTIONS: tuple[Question, ...] = (
    Question("openai", "test-generation"),
    Question("openai", "pattern-matching", stream=True),
    Question("anthropic", "test-generation"),
    Question("anthropic", None, stream=True),
    Question("openai", None, model="gpt-4o-mini"),
    Question("anthropic", "complex-reasoning"),
    Question("anthropic", "complex-reasoning", stream=True),
    Question("openai", "complex-reasoning"),
    Question("anthropic", "patient-records"),
    Question("openai", "complex-reasoning", strict=True),
    Question("openai", "test-generation", strict=True),
)
"""What the demo asks: both SDKs, streams, an alias, the cloud in both protocols, a Strict pool, refusals."""

PROMPT = "Write a unit test for a function that adds two numbers."
MAX_TOKENS = 24


def ask(question: Question, *, base_url: str, key: str, policy: RoutingPolicy) -> Answer:
    """Send one request and measure it until its last byte."""
    headers = {"x-drawbridge-task": question.task} if question.task else {}
    if question.strict:
        headers["x-drawbridge-privacy"] = "strict"
    send = _SENDERS[question.client]
    start = time.monotonic()
    try:
        text, usage, received = send(question, base_url, key, headers)
    except (openai.APIStatusError, anthropic.APIStatusError) as error:
        return _answer(
            question,
            error.response.headers,
            backend="refused",
            latency_s=time.monotonic() - start,
            cost=None,
            detail=f"{error.status_code}: {_words(error)}",
        )
    latency_s = time.monotonic() - start
    backend = received.get("x-drawbridge-backend", "?")
    cost = _cost(policy, backend, usage)
    return _answer(question, received, backend=backend, latency_s=latency_s, cost=cost, detail=text)


def _answer(
    question: Question,
    headers: Mapping[str, str],
    *,
    backend: str,
    latency_s: float,
    cost: Decimal | None,
    detail: str,
) -> Answer:
    route, privacy = (headers.get(f"x-drawbridge-{name}", "-") for name in ("route", "privacy"))
    return Answer(question, route, backend, privacy, latency_s, cost, " ".join(detail.split())[:60])


def _words(error: openai.APIStatusError | anthropic.APIStatusError) -> str:
    body: Any = error.body
    inner = body.get("error", body) if isinstance(body, dict) else {}
    return str(inner.get("message", error.message))


def _cost(policy: RoutingPolicy, backend: str, usage: Usage) -> Decimal:
    prices = {f"cloud/{cloud.name}": cloud.prices for cloud in policy.spec.clouds}.get(backend)
    return answer_cost(prices, usage) if prices else Decimal(0)


Sender = Callable[[Question, str, str, dict[str, str]], tuple[str, Usage, Mapping[str, str]]]


def _body(question: Question) -> dict[str, Any]:
    """Return what both protocols call alike."""
    messages = [{"role": "user", "content": PROMPT}]
    return {"model": question.model, "messages": messages, "max_tokens": MAX_TOKENS}


def _ask_openai(
    question: Question, base_url: str, key: str, headers: dict[str, str]
) -> tuple[str, Usage, Mapping[str, str]]:
    client = openai.OpenAI(base_url=f"{base_url}/v1", api_key=key, max_retries=0, default_headers=headers)
    body = _body(question)
    if not question.stream:
        raw = client.chat.completions.with_raw_response.create(**body)
        completion = raw.parse()
        return completion.choices[0].message.content or "", _openai_usage(completion.usage), raw.headers
    raw = client.chat.completions.with_raw_response.create(
        **body, stream=True, stream_options={"include_usage": True}
    )
    text, usage = "", Usage()
    for chunk in raw.parse():
        text += "".join(choice.delta.content or "" for choice in chunk.choices)
        usage = _openai_usage(chunk.usage) if chunk.usage else usage
    return text, usage, raw.headers


def _openai_usage(usage: Any) -> Usage:
    return Usage(usage.prompt_tokens, usage.completion_tokens) if usage else Usage()


def _ask_anthropic(
    question: Question, base_url: str, key: str, headers: dict[str, str]
) -> tuple[str, Usage, Mapping[str, str]]:
    client = anthropic.Anthropic(base_url=base_url, api_key=key, max_retries=0, default_headers=headers)
    body = _body(question)
    if not question.stream:
        raw = client.messages.with_raw_response.create(**body)
        return _anthropic_message(raw.parse(), raw.headers)
    with client.messages.stream(**body) as stream:
        message = stream.get_final_message()
        return _anthropic_message(message, stream.response.headers)


def _anthropic_message(message: Any, headers: Mapping[str, str]) -> tuple[str, Usage, Mapping[str, str]]:
    text = "".join(block.text for block in message.content if block.type == "text")
    usage = Usage(
        message.usage.input_tokens, message.usage.output_tokens, message.usage.cache_read_input_tokens or 0
    )
    return text, usage, headers


_SENDERS: dict[Client, Sender] = {"openai": _ask_openai, "anthropic": _ask_anthropic}


def ask_all(
    questions: tuple[Question, ...], *, base_url: str, key: str, policy: RoutingPolicy
) -> Iterator[Answer]:
    """Send the requests one after the other, so that each latency is its own."""
    for question in questions:
        yield ask(question, base_url=base_url, key=key, policy=policy)
