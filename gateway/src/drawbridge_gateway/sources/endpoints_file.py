"""endpoints.yaml of the stand-alone gateway: what a cluster would know by itself.

pools:
  coder: {addresses: ["127.0.0.1:8000"], apiKey: {env: CODER_API_KEY}}
secrets:
  cloud-keys: {anthropic: {env: ANTHROPIC_API_KEY}, openai: {file: openai.key}}
"""

from typing import Annotated, ClassVar

from drawbridge_crds.rules import Rule, SpecModel
from pydantic import AfterValidator, Field

from drawbridge_gateway.upstream.balance import Endpoint

MAX_PORT = 65535


class Origin(SpecModel):
    """Where a key is: never in this file itself."""

    env: Annotated[str, Field(min_length=1)] | None = None
    """Name of an environment variable."""

    file: Annotated[str, Field(min_length=1)] | None = None
    """Path of a file, relative to the folder."""

    rules: ClassVar = (
        Rule(
            cel="has(self.env) != has(self.file)",
            holds=lambda self: (self.env is None) != (self.file is None),
            message="write either {env: VARIABLE} or {file: PATH}",
        ),
    )


def read_address(text: str) -> Endpoint:
    """Read "host:port" or "[ipv6]:port"; ValueError otherwise."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or not 0 < int(port) <= MAX_PORT:
        raise ValueError(f'"{text}" is not an address: write host:port, such as 127.0.0.1:8000')
    return Endpoint(host, int(port))


def _checked(text: str) -> str:
    read_address(text)
    return text


class LocalPool(SpecModel):
    """The running engines of one pool."""

    addresses: Annotated[tuple[Annotated[str, AfterValidator(_checked)], ...], Field(max_length=64)]
    """As "host:port"."""

    api_key: Origin | None = None
    """What the engines want to see as bearer token; they want none when unset."""

    def endpoints(self) -> list[Endpoint]:
        """Return the addresses, parsed."""
        return [read_address(address) for address in self.addresses]


class EndpointsFile(SpecModel):
    """The whole file."""

    pools: dict[str, LocalPool] = Field(default_factory=dict)
    """By name of the InferencePool."""

    secrets: dict[str, dict[str, Origin]] = Field(default_factory=dict)
    """By name of the Secret and the key in it, as in a cloud's secretKeyRef."""
