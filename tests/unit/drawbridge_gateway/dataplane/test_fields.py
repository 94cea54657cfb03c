import pytest
from drawbridge_gateway.dataplane.fields import protocol_of, read_fields
from drawbridge_gateway.protocols.api_protocol import ApiProtocol
from drawbridge_gateway.protocols.errors import RequestRefused

Headers = list[tuple[bytes, bytes]]


@pytest.mark.parametrize(
    ("headers", "credential"),
    [
        pytest.param([], None, id="none"),
        pytest.param([(b"authorization", b"Bearer k")], "k", id="bearer"),
        pytest.param([(b"authorization", b"bearer  k ")], "k", id="bearer in small letters, with spaces"),
        pytest.param([(b"authorization", b"Basic k")], None, id="another scheme"),
        pytest.param([(b"authorization", b"k")], None, id="no scheme"),
        pytest.param([(b"x-api-key", b"k")], "k", id="x-api-key"),
        pytest.param([(b"x-api-key", b"\xff")], "\xff", id="bytes beyond ASCII"),
    ],
)
def test_the_credential(headers: Headers, credential: str | None) -> None:
    assert read_fields(headers).credential == credential


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        pytest.param([(b"authorization", b"Bearer a")] * 2, "duplicate_header", id="two authorizations"),
        pytest.param([(b"x-api-key", b"a"), (b"x-api-key", b"b")], "duplicate_header", id="two api keys"),
        pytest.param([(b"content-length", b"1")] * 2, "duplicate_header", id="two lengths"),
        pytest.param([(b"x-drawbridge-privacy", b"strict")] * 2, "duplicate_header", id="two privacies"),
        pytest.param([(b"content-type", b"application/json")] * 2, "duplicate_header", id="two types"),
        pytest.param(
            [(b"authorization", b"Bearer a"), (b"x-api-key", b"a")], "two_credentials", id="both keys"
        ),
        pytest.param(
            [(b"content-length", b"1"), (b"transfer-encoding", b"chunked")],
            "ambiguous_length",
            id="two framings",
        ),
        pytest.param([(b"upgrade", b"h2c")], "upgrade_refused", id="an upgrade"),
    ],
)
def test_what_two_readers_could_read_differently_is_refused(headers: Headers, code: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        read_fields(headers)
    assert (refused.value.error.status, refused.value.error.code) == (400, code)


def test_other_fields_may_come_twice_unless_a_policy_asks_for_one() -> None:
    fields = read_fields([(b"accept", b"a"), (b"x-team", b"a"), (b"x-team", b"b")])
    assert fields.value(b"accept") == b"a"
    assert fields.value(b"x-other") is None
    with pytest.raises(RequestRefused) as refused:
        fields.value(b"x-team")
    assert (refused.value.error.status, refused.value.error.code) == (400, "duplicate_header")


def test_an_empty_field_says_nothing() -> None:
    assert read_fields([(b"x-drawbridge-task", b"")]).value(b"x-drawbridge-task") is None


@pytest.mark.parametrize(
    ("value", "strict"),
    [
        (None, False),
        (b"strict", True),
        (b"Strict", True),
        (b"STRICT", True),
        (b"standard", False),
        (b"Standard", False),
    ],
)
def test_privacy(*, value: bytes | None, strict: bool) -> None:
    headers = [(b"x-drawbridge-privacy", value)] if value is not None else []
    assert read_fields(headers).strict is strict


@pytest.mark.parametrize("value", [b"", b"strikt", b"strict, standard", b"true", b" strict", b"\xff"])
def test_a_privacy_that_is_not_understood_is_refused(value: bytes) -> None:
    with pytest.raises(RequestRefused) as refused:
        _ = read_fields([(b"x-drawbridge-privacy", value)]).strict
    assert (refused.value.error.status, refused.value.error.code) == (400, "invalid_privacy")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        pytest.param([(b"content-type", b"application/json")], None, id="json"),
        pytest.param([(b"content-type", b"Application/JSON; charset=utf-8")], None, id="json with a charset"),
        pytest.param([], "unsupported_media_type", id="nothing said"),
        pytest.param([(b"content-type", b"text/plain")], "unsupported_media_type", id="text"),
        pytest.param(
            [(b"content-type", b"application/json"), (b"content-encoding", b"gzip")],
            "unsupported_encoding",
            id="gzip",
        ),
        pytest.param(
            [(b"content-type", b"application/json"), (b"content-encoding", b"identity")],
            None,
            id="no compression",
        ),
    ],
)
def test_only_plain_json_is_read(headers: Headers, code: str | None) -> None:
    fields = read_fields(headers)
    if code is None:
        fields.check_json()
        return
    with pytest.raises(RequestRefused) as refused:
        fields.check_json()
    assert (refused.value.error.status, refused.value.error.code) == (415, code)


def test_clients_of_anthropic_are_known_by_their_version() -> None:
    assert protocol_of([(b"anthropic-version", b"2023-06-01")]) is ApiProtocol.ANTHROPIC
    assert protocol_of([(b"x-api-key", b"k")]) is ApiProtocol.OPENAI
