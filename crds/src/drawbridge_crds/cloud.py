"""Models outside the cluster, and what they cost."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from drawbridge_crds.rules import Rule, SpecModel
from drawbridge_crds.values import (
    DataKey,
    Label,
    ModelName,
    Money,
    ObjectName,
    SecretKeyRef,
    https_rule_cel,
    is_https_url,
)


class Provider(StrEnum):
    """Whose API a cloud speaks."""

    ANTHROPIC = "Anthropic"
    """Anthropic's Messages API."""
    OPENAI = "OpenAI"
    """OpenAI's chat completions."""
    OPENAI_COMPATIBLE = "OpenAICompatible"
    """Chat completions of another provider, or of a server of your own."""


class CABundleRef(SpecModel):
    """A ConfigMap of the policy's namespace with PEM certificates."""

    name: ObjectName
    """The ConfigMap."""

    key: DataKey = "ca.crt"
    """The key in it."""


class Prices(SpecModel):
    """What a cloud charges for a million tokens, in the policy's currency."""

    input_per_m_tok: Annotated[Money, Field(alias="inputPerMTok")]
    """A million tokens of prompts."""

    output_per_m_tok: Annotated[Money, Field(alias="outputPerMTok")]
    """A million tokens of answers."""

    cached_input_per_m_tok: Annotated[Money | None, Field(alias="cachedInputPerMTok")] = None
    """Input read from the provider's cache; priced as input when unset."""


class Cloud(SpecModel):
    """A model outside the cluster, reached by the bridge alone."""

    name: Label
    """By which routes name it."""

    provider: Provider
    """Whose API it speaks."""

    base_url: Annotated[str | None, Field(alias="baseURL", max_length=512)] = None
    """The provider's own when unset."""

    ca_bundle_ref: CABundleRef | None = None
    """Authorities to trust instead of the public ones."""

    model: ModelName
    """The provider's name of the model."""

    secret_key_ref: SecretKeyRef
    """The API key. The bridge reads it, by a Role that the tenant grants; nothing else does."""

    prices: Prices | None = None
    """For costs in logs and metrics; unknown when unset."""

    residency: Label | None = None
    """Where the cloud processes what it is sent, such as us or eu."""

    rules: ClassVar = (
        Rule(
            cel="self.provider != 'OpenAICompatible' || has(self.baseURL)",
            holds=lambda self: self.provider != Provider.OPENAI_COMPATIBLE or self.base_url is not None,
            message="provider OpenAICompatible needs a baseURL, such as https://llm.example.com/v1",
        ),
        Rule(
            cel=https_rule_cel("baseURL"),
            holds=lambda self: is_https_url(self.base_url),
            message="baseURL must be an https URL without user, query or fragment, such as https://llm.example.com/v1",
        ),
    )
