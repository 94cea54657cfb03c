"""Settings of gateway and bridge: read once from the environment, then frozen.

Secrets come from files, never from the environment, and are kept out of every repr.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from drawbridge_gateway.errors import DrawbridgeError

DEFAULT_NAMESPACE: Final = "drawbridge-system"

DEFAULT_MAX_BODY_BYTES: Final = 16 * 1024 * 1024
"""Of a request. A 200,000-token context is about 1 MB of text; the rest is room for images."""

DEFAULT_FIRST_BYTE_TIMEOUT_S: Final = 120.0
"""A long prompt on a busy pool takes tens of seconds before its first token."""

DEFAULT_MAX_IN_FLIGHT: Final = 256
"""Requests the bridge serves at once; it answers further ones 503 with retry-after."""

DEFAULT_DRAIN_LIMIT_S: Final = 25.0
"""For requests in progress after SIGTERM: below Kubernetes' default grace period of 30 s. The chart raises
both, since an answer may stream for minutes."""

MIN_SECRET_CHARS: Final = 16
"""Shorter files are more likely a mistake than a secret."""


class SettingsError(DrawbridgeError):
    """The environment says something that cannot be meant. Names the variable and what to write."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much, and for how long."""

    max_body_bytes: int
    max_in_flight: int
    """Of the bridge; the gateway does not queue, its engines do."""

    first_byte_timeout_s: float
    """Of the bridge also the longest silence between two pieces of an answer."""

    drain_limit_s: float

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read the limits; SettingsError for one that is not a positive number."""
        return cls(
            max_body_bytes=int(_positive(environ, "DRAWBRIDGE_MAX_BODY_BYTES", DEFAULT_MAX_BODY_BYTES)),
            max_in_flight=int(_positive(environ, "DRAWBRIDGE_MAX_IN_FLIGHT", DEFAULT_MAX_IN_FLIGHT)),
            first_byte_timeout_s=_positive(
                environ, "DRAWBRIDGE_FIRST_BYTE_TIMEOUT_S", DEFAULT_FIRST_BYTE_TIMEOUT_S
            ),
            drain_limit_s=_positive(environ, "DRAWBRIDGE_DRAIN_LIMIT_S", DEFAULT_DRAIN_LIMIT_S),
        )


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """What the gateway is told from outside."""

    namespace: str
    """The system namespace, where the snapshots are."""

    root_key: bytes = field(repr=False)
    """Derives the key of each pool's engines. The operator reads the same file the same way."""

    bridge_url: str
    """Empty when there is no bridge: no cloud is ever used."""

    bridge_token: str = field(repr=False)
    require_proof: bool
    """Refuse strict traffic to pools whose isolation was not measured."""

    limits: Limits

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read the gateway's settings.

        Raises:
            SettingsError: for a variable that is missing or malformed, or a file that cannot be read.
        """
        bridge_url = environ.get("DRAWBRIDGE_BRIDGE_URL", "").rstrip("/")
        if bridge_url and not bridge_url.startswith("http://"):
            raise SettingsError(
                f'DRAWBRIDGE_BRIDGE_URL is "{bridge_url}": write one such as http://drawbridge-bridge:8080, '
                "or leave it empty when there is no bridge"
            )
        return cls(
            namespace=_namespace(environ),
            root_key=_secret(environ, "DRAWBRIDGE_ROOT_KEY_FILE").encode(),
            bridge_url=bridge_url,
            bridge_token=_secret(environ, "DRAWBRIDGE_BRIDGE_TOKEN_FILE") if bridge_url else "",
            require_proof=read_require_proof(environ),
            limits=Limits.from_environment(environ),
        )


@dataclass(frozen=True, slots=True)
class BridgeSettings:
    """What the bridge is told from outside."""

    namespace: str
    token: str = field(repr=False)
    """The gateway and the operator present it."""

    limits: Limits

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read the bridge's settings.

        Raises:
            SettingsError: for a variable that is missing or malformed, or a file that cannot be read.
        """
        return cls(
            namespace=_namespace(environ),
            token=_secret(environ, "DRAWBRIDGE_BRIDGE_TOKEN_FILE"),
            limits=Limits.from_environment(environ),
        )


def read_require_proof(environ: Mapping[str, str]) -> bool:
    """Read whether strict traffic needs measured isolation; SettingsError for anything but true and false."""
    text = environ.get("DRAWBRIDGE_REQUIRE_PROOF", "")
    if text not in {"", "true", "false"}:
        # a misspelt "true" must not read as false: this switch guards strict traffic
        raise SettingsError(f'DRAWBRIDGE_REQUIRE_PROOF is "{text}": write true or false')
    return text != "false"


def read_log_level(environ: Mapping[str, str]) -> str:
    """Read the level from which logs are written; SettingsError for an unknown one."""
    level = (environ.get("DRAWBRIDGE_LOG_LEVEL") or "info").lower()
    if level not in {"debug", "info", "warning", "error"}:
        raise SettingsError(f'DRAWBRIDGE_LOG_LEVEL is "{level}": write debug, info, warning or error')
    return level


def _namespace(environ: Mapping[str, str]) -> str:
    return environ.get("DRAWBRIDGE_NAMESPACE") or DEFAULT_NAMESPACE


def _secret(environ: Mapping[str, str], variable: str) -> str:
    path = environ.get(variable, "")
    if not path:
        raise SettingsError(f"{variable} is not set: write the path of the file that holds the secret")
    try:
        secret = Path(path).read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise SettingsError(f"{variable}: cannot read {path}: {error}") from error
    if len(secret) < MIN_SECRET_CHARS:
        raise SettingsError(
            f"{variable}: {path} holds fewer than {MIN_SECRET_CHARS} characters: "
            "write a random secret there, such as the output of `openssl rand -hex 32`"
        )
    return secret


def _positive(environ: Mapping[str, str], variable: str, default: float) -> float:
    text = environ.get(variable, "")
    try:
        number = float(text) if text else default
    except ValueError:
        number = 0
    if not 0 < number < float("inf"):
        raise SettingsError(f'{variable} is "{text}": write a positive number, such as {default:g}')
    return number
