"""The operator's settings, read from the environment once."""

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from drawbridge_crds.accelerator import AcceleratorType

from drawbridge_operator.errors import SettingsError

MIN_SECRET_CHARS: Final = 16
"""Our bound, the gateway's too: shorter ones are placeholders."""

MAX_PORT: Final = 65_535

_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")
_LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")

_IMAGE_VARIABLES: Final = {
    AcceleratorType.NVIDIA_GPU: "DRAWBRIDGE_ENGINE_IMAGE_NVIDIA_GPU",
    AcceleratorType.CPU: "DRAWBRIDGE_ENGINE_IMAGE_CPU",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """What the chart decides. Secrets stay out of the repr."""

    namespace: str
    """The system namespace: snapshots, lease, gateway and bridge live there."""

    pod_name: str
    """Identifies this replica in the lease."""

    root_key: bytes = field(repr=False)
    """Derives the keys of every engine."""

    bridge_url: str = ""
    """Base URL of the bridge; empty without one."""

    bridge_token: str = field(default="", repr=False)
    """Presented to the bridge."""

    bridge_service_account: str = ""
    """Whom a tenant allows to read a Secret."""

    engine_images: Mapping[AcceleratorType, str] = field(default_factory=dict)
    """Default image by accelerator; a pool without its own needs one."""

    engine_pull_secrets: tuple[str, ...] = ()
    """Names of pull Secrets for engine pods, looked up in each pool's namespace."""

    tenants: frozenset[str] = frozenset()
    """The only namespaces to act on; empty: all, as in every installation, for the chart sets none. Tests and
    measurements keep an operator of their own to their namespaces with it."""

    monitoring_peer: Mapping[str, Any] | None = None
    """The NetworkPolicyPeer that may read the engines' metrics, as the API server stores it; None: nobody."""

    gateway_admin_port: int = 9090
    """Where gateways say what they have loaded."""

    log_level: int = logging.INFO
    metrics_port: int = 9090

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the DRAWBRIDGE_* variables and the files they name.

        Raises:
            SettingsError: naming the variable and what to write instead.
        """
        read = _Reader(environment)
        bridge_url = read.url("DRAWBRIDGE_BRIDGE_URL")
        return cls(
            namespace=read.name("DRAWBRIDGE_NAMESPACE", _LABEL),
            pod_name=read.name("DRAWBRIDGE_POD_NAME", _SUBDOMAIN),
            root_key=read.secret("DRAWBRIDGE_ROOT_KEY_FILE").encode(),
            bridge_url=bridge_url,
            bridge_token=read.secret("DRAWBRIDGE_BRIDGE_TOKEN_FILE") if bridge_url else "",
            bridge_service_account=(
                read.name("DRAWBRIDGE_BRIDGE_SERVICE_ACCOUNT", _SUBDOMAIN) if bridge_url else ""
            ),
            engine_images={kind: image for kind, v in _IMAGE_VARIABLES.items() if (image := read.text(v))},
            engine_pull_secrets=read.names("DRAWBRIDGE_ENGINE_PULL_SECRETS", "Secret"),
            tenants=frozenset(read.names("DRAWBRIDGE_TENANTS", "namespace")),
            monitoring_peer=read.peer("DRAWBRIDGE_MONITORING_PEER"),
            gateway_admin_port=read.port("DRAWBRIDGE_GATEWAY_ADMIN_PORT", default=9090),
            log_level=read.log_level("DRAWBRIDGE_LOG_LEVEL"),
            metrics_port=read.port("DRAWBRIDGE_METRICS_PORT", default=9090),
        )


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one variable at a time; an empty one counts as unset, as charts write it."""

    environment: Mapping[str, str]

    def text(self, variable: str) -> str:
        return self.environment.get(variable, "").strip()

    def required(self, variable: str, example: str) -> str:
        if not (value := self.text(variable)):
            raise SettingsError(f"{variable} is not set: set it to {example}")
        return value

    def name(self, variable: str, form: re.Pattern[str]) -> str:
        value = self.required(variable, "the name of a Kubernetes object, as the chart does")
        if not form.fullmatch(value):
            raise SettingsError(f'{variable}="{value}" is not the name of a Kubernetes object')
        return value

    def names(self, variable: str, kind: str) -> tuple[str, ...]:
        values = tuple(filter(None, (part.strip() for part in self.text(variable).split(","))))
        for value in values:
            if not _SUBDOMAIN.fullmatch(value):
                raise SettingsError(
                    f'{variable}: "{value}" is not the name of a {kind}; separate names with commas'
                )
        return values

    def url(self, variable: str) -> str:
        value = self.text(variable).rstrip("/")
        parts = urlsplit(value)
        if value and (parts.scheme not in {"http", "https"} or not parts.hostname):
            raise SettingsError(
                f'{variable}="{value}" is not a URL: write it like '
                "http://drawbridge-bridge.drawbridge-system:8080, or leave it empty without a bridge"
            )
        return value

    def secret(self, variable: str) -> str:
        path = Path(self.required(variable, "the path of a mounted Secret's file"))
        try:
            secret = path.read_text(encoding="ascii").strip()
        except OSError as error:
            raise SettingsError(f'{variable}="{path}" cannot be read: {error.strerror}') from error
        except UnicodeDecodeError:
            raise SettingsError(f'{variable}="{path}" is not ASCII text') from None
        if len(secret) < MIN_SECRET_CHARS:
            raise SettingsError(
                f'{variable}="{path}" holds {len(secret)} characters: write at least {MIN_SECRET_CHARS}, '
                "such as the output of `openssl rand -hex 32`"
            )
        return secret

    def log_level(self, variable: str) -> int:
        value = self.text(variable).upper() or "INFO"
        if value not in _LOG_LEVELS:
            raise SettingsError(f'{variable}="{value}" is not one of {", ".join(_LOG_LEVELS)}')
        return logging.getLevelNamesMapping()[value]

    def peer(self, variable: str) -> Mapping[str, Any] | None:
        if not (value := self.text(variable)):
            return None
        try:
            peer = _peer_as_stored(json.loads(value))
        except ValueError:
            peer = None
        if peer is None:
            raise SettingsError(
                f"{variable}={value!r} is not one NetworkPolicyPeer as JSON whose namespaceSelector selects "
                'some namespaces: write it like {"namespaceSelector": {"matchLabels": '
                '{"kubernetes.io/metadata.name": "monitoring"}}}'
            )
        return peer

    def port(self, variable: str, *, default: int) -> int:
        value = self.text(variable) or str(default)
        if not (value.isascii() and value.isdigit() and int(value) <= MAX_PORT):
            raise SettingsError(f'{variable}="{value}" is not a port: write a number up to {MAX_PORT}')
        return int(value)


def _peer_as_stored(peer: Any) -> dict[str, Any] | None:
    """Return a NetworkPolicyPeer as the API server stores it, so that equal policies compare equal.

    None for what is none, or would let in more than monitoring: addresses, all namespaces, and pods by their
    labels alone, which any pod can wear and which without namespaces would mean each pool's own.
    """
    if not isinstance(peer, dict) or not peer.keys() <= {"namespaceSelector", "podSelector"}:
        return None
    stored = {side: _selector_as_stored(selector) for side, selector in peer.items()}
    if None in stored.values() or not stored.get("namespaceSelector"):
        return None
    return stored


def _selector_as_stored(selector: Any) -> dict[str, Any] | None:
    """Drop what the API server drops, empty fields; what is left of a selector of everything is {}.

    None for what is no LabelSelector: a misspelt field must not pass for one that selects.
    """
    if not isinstance(selector, dict) or not selector.keys() <= {"matchLabels", "matchExpressions"}:
        return None
    labels, expressions = selector.get("matchLabels") or {}, selector.get("matchExpressions") or []
    if not isinstance(labels, dict) or not isinstance(expressions, list):
        return None
    if not all(isinstance(one, dict) and {"key", "operator"} <= one.keys() for one in expressions):
        return None
    kept = [{name: value for name, value in one.items() if value} for one in expressions]
    fields = {"matchLabels": labels, "matchExpressions": kept}
    return {name: value for name, value in fields.items() if value}
