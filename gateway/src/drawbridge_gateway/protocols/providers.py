"""What tells the providers of clouds apart, in one place: a new one needs a row here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drawbridge_crds.cloud import Provider

from drawbridge_gateway.protocols.api_protocol import ApiProtocol


@dataclass(frozen=True, slots=True)
class ProviderFacts:
    """What tells one provider's API from another's."""

    protocol: ApiProtocol

    base_url: str | None
    """Of its API, as its SDK takes it, when the policy gives none; None: the policy must."""

    exactly_openai: bool
    """It takes the fields of OpenAI's own API reference, by their newest names and within OpenAI's bounds,
    and refuses a request with any other. Compatible servers take the older names, and more: an engine's own
    fields, longer names of tools, the model's thoughts."""


PROVIDERS: Final[Mapping[Provider, ProviderFacts]] = {
    Provider.ANTHROPIC: ProviderFacts(
        ApiProtocol.ANTHROPIC, base_url="https://api.anthropic.com", exactly_openai=False
    ),
    Provider.OPENAI: ProviderFacts(
        ApiProtocol.OPENAI, base_url="https://api.openai.com/v1", exactly_openai=True
    ),
    Provider.OPENAI_COMPATIBLE: ProviderFacts(ApiProtocol.OPENAI, base_url=None, exactly_openai=False),
}
