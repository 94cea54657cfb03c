"""A request's header fields: read once, refused where two readers could disagree about them."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from drawbridge_gateway.dataplane import refusals
from drawbridge_gateway.protocols.api_protocol import ApiProtocol
from drawbridge_gateway.protocols.errors import RequestRefused

_WANTED: Final = frozenset({
    b"authorization", b"x-api-key", b"content-length", b"content-type", b"content-encoding",
    b"transfer-encoding", b"expect", b"upgrade", b"x-drawbridge-privacy",
})  # fmt: skip
"""The fields that mean something whatever the policy says. None of them may come twice."""


class Fields(NamedTuple):
    """What the header says."""

    credential: str | None
    """The API key, as presented."""

    content_length: int | None
    chunked: bool
    """The body's length is not known beforehand."""

    expects_continue: bool
    """The client sends its body only when told to."""

    content_type: bytes
    content_encoding: bytes
    privacy: bytes | None
    """x-drawbridge-privacy, as sent."""

    all: Iterable[tuple[bytes, bytes]]
    """Every field as sent, for those that a policy names."""

    def value(self, name: bytes) -> bytes | None:
        """Return a field by its name in lower case; None where it is absent or empty.

        Raises:
            RequestRefused: it came twice.
        """
        values = [value for found, value in self.all if found == name]
        if len(values) > 1:
            raise RequestRefused(refusals.duplicate_header(name.decode()))
        return values[0] or None if values else None

    def check_json(self) -> None:
        """Check that the body is announced as plain JSON.

        Raises:
            RequestRefused: it is of another type, or compressed.
        """
        if self.content_type.partition(b";")[0].strip().lower() != b"application/json":
            raise RequestRefused(refusals.not_json_type())
        if self.content_encoding.lower() != b"identity":
            raise RequestRefused(refusals.encoded_body())

    @property
    def strict(self) -> bool:
        """Tell whether the client asks for more privacy.

        Raises:
            RequestRefused: its wish is not understood; it may have meant strict.
        """
        level = b"standard" if self.privacy is None else self.privacy.lower()
        if level not in {b"strict", b"standard"}:
            raise RequestRefused(refusals.bad_privacy())
        return level == b"strict"


def protocol_of(headers: Iterable[tuple[bytes, bytes]]) -> ApiProtocol:
    """Tell what a client speaks whose path does not say it: Anthropic's clients always send their version."""
    for name, _ in headers:
        if name == b"anthropic-version":
            return ApiProtocol.ANTHROPIC
    return ApiProtocol.OPENAI


def read_fields(headers: Iterable[tuple[bytes, bytes]]) -> Fields:
    """Read the header fields, whose names are in lower case.

    Raises:
        RequestRefused: two readers could take this request for two different ones. Its connection
            cannot be used any more.
    """
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _WANTED:
            if name in found:
                raise RequestRefused(refusals.duplicate_header(name.decode()))
            found[name] = value
    if b"upgrade" in found:
        # what follows the head would be read as another protocol by one party, as a body by the next
        raise RequestRefused(refusals.upgrade_refused())
    if b"content-length" in found and b"transfer-encoding" in found:
        raise RequestRefused(refusals.ambiguous_length())
    length = found.get(b"content-length")
    return Fields(
        credential=_credential(found.get(b"authorization"), found.get(b"x-api-key")),
        content_length=int(length) if length is not None else None,
        chunked=b"transfer-encoding" in found,
        expects_continue=b"expect" in found,
        content_type=found.get(b"content-type", b""),
        content_encoding=found.get(b"content-encoding", b"identity"),
        privacy=found.get(b"x-drawbridge-privacy"),
        all=headers,
    )


def _credential(authorization: bytes | None, api_key: bytes | None) -> str | None:
    if authorization is not None and api_key is not None:
        raise RequestRefused(refusals.two_credentials())
    if api_key is not None:
        return api_key.decode("latin-1")
    if authorization is None:
        return None
    scheme, _, credential = authorization.partition(b" ")
    return credential.strip().decode("latin-1") if scheme.lower() == b"bearer" else None
