"""API keys: their form, their digests, and the ConfigMaps that hold these.

A key is `dbk_<id>_<secret>`. The id (public) finds the entry; the digest of the whole key proves it.
The secret carries 256 random bits, so a plain SHA-256 needs neither salt nor stretching.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import AwareDatetime, Field, ValidationError

from drawbridge_crds.rules import SpecModel
from drawbridge_crds.values import ModelName

KEYS_CONFIG_MAP: Final = "drawbridge-keys"
"""Where the command line writes a tenant's keys. Any ConfigMap with the label drawbridge.dev/keys counts."""

MAX_KEYS_PER_TENANT: Final = 4000
"""Digests of this many keys, about 200 bytes each, fit one snapshot ConfigMap (1 MiB)."""

_KEY_FORM: Final = re.compile(r"dbk_([a-z2-7]{16})_[A-Za-z0-9_-]{43}")

_ID_FORM: Final = re.compile(r"[a-z2-7]{16}")

_KEY_IN_TEXT: Final = re.compile(r"dbk_([a-z2-7]{16})_\S*?(?=dbk_|\s|$)")
"""A key in a person's text, whole, cut or with more behind it."""


class ApiKeyEntry(SpecModel):
    """What is kept of a key: the value, as JSON, under the key's id in a ConfigMap."""

    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """SHA-256 of the whole key, in hex."""

    name: Annotated[str, Field(min_length=1, max_length=63)]
    """For people, such as "ci-pipeline"."""

    created: AwareDatetime
    """When the key was made: RFC 3339 with a time zone, such as 2026-11-29T22:00:00Z."""

    expires: AwareDatetime | None = None
    """From when on the key is refused: RFC 3339 with a time zone. Unset: never."""

    models: Annotated[tuple[ModelName, ...], Field(max_length=64)] | None = None
    """Models this key may ask for, of those the policy lists. Unset: all of them."""


@dataclass(frozen=True, slots=True)
class MintedKey:
    """A new key. `secret` is shown once and kept nowhere."""

    key_id: str
    secret: str


def mint_key(random_bytes: Callable[[int], bytes]) -> MintedKey:
    """Make a key from a source of randomness (`secrets.token_bytes` outside tests)."""
    key_id = base64.b32encode(random_bytes(10)).decode().lower()
    secret = base64.urlsafe_b64encode(random_bytes(32)).decode().rstrip("=")
    return MintedKey(key_id, f"dbk_{key_id}_{secret}")


def key_id_of(presented: str) -> str | None:
    """Return the id inside a presented key, or None when it does not have a key's form."""
    match = _KEY_FORM.fullmatch(presented)
    return match.group(1) if match else None


def is_key_id(text: str) -> bool:
    """Tell whether a text has the form of a key's id, which may be shown."""
    return _ID_FORM.fullmatch(text) is not None


def key_ids_in(text: str) -> list[str]:
    """Return the ids of the keys in a person's text, sorted, whatever is around the keys."""
    return sorted(set(_KEY_IN_TEXT.findall(text)))


def without_secrets(text: str) -> str:
    """Return a text with only the ids of the keys in it, for messages that repeat what a person wrote."""
    return _KEY_IN_TEXT.sub(r"dbk_\1_...", text)


def key_digest(key: str) -> str:
    """Digest a key as its entry keeps it."""
    return hashlib.sha256(key.encode()).hexdigest()


def key_matches(presented: str, digest: str) -> bool:
    """Compare a presented key with a digest in constant time."""
    return hmac.compare_digest(key_digest(presented), digest)


def parse_keys(data: Mapping[str, str]) -> tuple[dict[str, ApiKeyEntry], tuple[str, ...]]:
    """Parse a ConfigMap's data into entries by key id, and the sorted names of entries that do not parse.

    Such a name may be a whole key that somebody put there: it is shown by `without_secrets` alone.
    """
    entries: dict[str, ApiKeyEntry] = {}
    invalid = []
    for name, text in data.items():
        entry = _parse_entry(text) if is_key_id(name) else None
        if entry is None:
            invalid.append(name)
        else:
            entries[name] = entry
    return entries, tuple(sorted(invalid))


def _parse_entry(text: str) -> ApiKeyEntry | None:
    try:
        return ApiKeyEntry.model_validate_json(text)
    except ValidationError:
        return None
