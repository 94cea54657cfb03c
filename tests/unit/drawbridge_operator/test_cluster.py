import json

import pytest
from drawbridge_operator import errors, kinds
from drawbridge_operator.cluster import _error_of, _path
from drawbridge_operator.errors import (
    ClusterError,
    ConflictError,
    DrawbridgeError,
    ForbiddenError,
    InvalidError,
    NamespaceTerminatingError,
    NotFoundError,
    UnavailableError,
)
from drawbridge_operator.kinds import DEPLOYMENT, NAMESPACE, POD, Kind


def status(message: str, *causes: str) -> bytes:
    details = {"causes": [{"reason": cause} for cause in causes]} if causes else None
    return json.dumps({"kind": "Status", "message": message, "details": details}).encode()


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (400, InvalidError),
        (401, UnavailableError),
        (403, ForbiddenError),
        (404, NotFoundError),
        (405, UnavailableError),
        (409, ConflictError),
        (410, UnavailableError),
        (422, InvalidError),
        (429, UnavailableError),
        (500, UnavailableError),
        (503, UnavailableError),
        (504, UnavailableError),
    ],
)
def test_every_refusal_has_its_error(code: int, error: type[ClusterError]) -> None:
    assert type(_error_of("PATCH X", code, status("why"))) is error


def test_an_error_says_what_was_asked_and_the_servers_own_words() -> None:
    error = _error_of('PATCH Deployment "a/b"', 422, status("replicas must be positive"))
    assert str(error) == 'PATCH Deployment "a/b": 422 replicas must be positive'


def test_a_namespace_that_is_going_is_told_apart() -> None:
    error = _error_of("PATCH X", 403, status("being terminated", "NamespaceTerminating"))
    assert type(error) is NamespaceTerminatingError
    assert not error.retryable


def test_a_field_unknown_to_the_api_server_is_our_fault_and_not_a_failure_of_its() -> None:
    words = "failed to create typed patch object (a/b; /v1, Kind=ConfigMap): .colour: field not declared"
    assert type(_error_of("PATCH X", 500, status(words))) is InvalidError


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'{"code": 503}', b'"text"'])
def test_an_answer_of_something_else_than_an_api_server_is_an_error_too(body: bytes) -> None:
    assert "not from a Kubernetes API server" in str(_error_of("GET X", 502, body))


@pytest.mark.parametrize(
    ("kind", "namespace", "name", "subresource", "path"),
    [
        pytest.param(POD, "a", "b", "", "/api/v1/namespaces/a/pods/b", id="the core group"),
        pytest.param(
            DEPLOYMENT,
            "a",
            "b",
            "status",
            "/apis/apps/v1/namespaces/a/deployments/b/status",
            id="status",
        ),
        pytest.param(DEPLOYMENT, "a", "", "", "/apis/apps/v1/namespaces/a/deployments", id="one namespace"),
        pytest.param(DEPLOYMENT, "", "", "", "/apis/apps/v1/deployments", id="all namespaces"),
        pytest.param(NAMESPACE, "", "a", "", "/api/v1/namespaces/a", id="cluster scope"),
    ],
)
def test_paths(kind: Kind, namespace: str, name: str, subresource: str, path: str) -> None:
    assert _path(kind, namespace, name, subresource) == path


def test_every_error_has_its_own_reason() -> None:
    found = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, DrawbridgeError)]
    assert len({error.reason for error in found}) == len(found)


def test_every_kind_can_be_written() -> None:
    declared = {value for value in vars(kinds).values() if isinstance(value, Kind)}
    assert declared == set(kinds.ALL_KINDS)
