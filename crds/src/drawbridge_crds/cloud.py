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
    """The name of the ConfigMap, in the policy's namespace."""

    key: DataKey = "ca.crt"
    """The key in the ConfigMap under which the certificates are found."""


class Prices(SpecModel):
    """What a cloud charges for a million tokens, in the policy's currency."""

    input_per_m_tok: Annotated[Money, Field(alias="inputPerMTok")]
    """The price of a million tokens of prompts."""

    output_per_m_tok: Annotated[Money, Field(alias="outputPerMTok")]
    """The price of a million tokens of answers."""

    cached_input_per_m_tok: Annotated[Money | None, Field(alias="cachedInputPerMTok")] = None
    """The price of a million tokens of prompts that the provider has in its cache. Unset: that of other
    prompts."""


class Cloud(SpecModel):
    """A model outside the cluster, reached by the bridge alone."""

    name: Label
    """The name by which routes refer to this cloud."""

    provider: Provider
    """Whose API this cloud speaks."""

    base_url: Annotated[str | None, Field(alias="baseURL", max_length=512)] = None
    """The https URL of the API, such as https://llm.example.com/v1; provider OpenAICompatible needs one.
    Unset: the provider's own."""

    ca_bundle_ref: CABundleRef | None = None
    """The ConfigMap with the certificate authorities that are trusted for this cloud. Unset: the public
    ones."""

    model: ModelName
    """The model that this cloud is asked for, by the name that the provider gives it."""

    secret_key_ref: SecretKeyRef
    """The Secret with the API key. The bridge reads it, by a Role that the tenant grants; nothing else
    does."""

    prices: Prices | None = None
    """What the cloud charges, for costs in answers, logs and metrics. Unset: costs are unknown."""

    residency: Label | None = None
    """Where the cloud processes what it is sent, such as us or eu. allowedResidencies decides by it."""

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
