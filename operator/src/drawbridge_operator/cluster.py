"""The only module that talks to the API server: plain JSON objects in, plain JSON objects out.

What the operator may do there is in the chart's Roles, and why in charts/README.md; an end-to-end test holds
both against the API server's audit log. A server-side apply that creates needs both patch and create.
"""

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final

import aiohttp
from kubernetes.aio.client import ApiClient

from drawbridge_operator import metrics
from drawbridge_operator.errors import (
    ClusterError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NamespaceTerminatingError,
    NotFoundError,
    UnavailableError,
)
from drawbridge_operator.kinds import ALL_KINDS, FIELD_MANAGER, Kind, Object

PAGE_ITEMS: Final = 500
"""Objects per page of a list, as kubectl asks for."""

READ_TIMEOUT_S: Final = 30.0
WRITE_TIMEOUT_S: Final = 10.0
"""Kubernetes' own limit for an admission webhook; a write is idempotent and repeated when cut off."""

_ERROR_BY_STATUS: Final[Mapping[int, type[ClusterError]]] = {
    HTTPStatus.BAD_REQUEST: InvalidError,
    HTTPStatus.FORBIDDEN: ForbiddenError,
    HTTPStatus.NOT_FOUND: NotFoundError,
    HTTPStatus.CONFLICT: ConflictError,
    HTTPStatus.UNPROCESSABLE_ENTITY: InvalidError,
}
"""Every other failure (401, 408, 410, 429, 5xx) passes with time: UnavailableError."""

_KINDS: Final = {(kind.api_version, kind.kind): kind for kind in ALL_KINDS}


class Cluster:
    """Reads and writes of the API server.

    `check_may_write` is called before each write and raises LeadershipLostError when another
    replica may lead. Every method raises ClusterError, or one of its kind, for what the API server
    does not do.
    """

    def __init__(self, api: ApiClient, *, check_may_write: Callable[[], None] = lambda: None) -> None:
        self._api = api
        self._check_may_write = check_may_write

    async def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """Read one object, None when there is none. `namespace` is "" for cluster-scoped kinds."""
        try:
            return await self._request("GET", kind, namespace, name)
        except NotFoundError:
            return None

    async def list(self, kind: Kind, namespace: str = "", label_selector: str = "") -> list[Object]:
        """List objects of one namespace, or of all (""), as they are now.

        Never what an API server happens to have in its cache (resourceVersion 0): another one may already
        have shown a newer state to the watch, whose event is then spent. The API server waits until its
        cache has caught up with etcd: 40-100 ms for a kind that nobody writes (1.36).
        """
        items: list[Object] = []
        query = {"limit": str(PAGE_ITEMS), "labelSelector": label_selector}
        while True:
            page = await self._request("GET", kind, namespace, query=query)
            # items of a list carry neither apiVersion nor kind
            items += ({"apiVersion": kind.api_version, "kind": kind.kind, **o} for o in page["items"] or ())
            query["continue"] = page["metadata"].get("continue", "")
            if not query["continue"]:
                return items

    async def apply(self, obj: Object) -> Object:
        """Create the object or take over exactly the fields it names (server-side apply, forced)."""
        return await self._apply(obj, "")

    async def apply_status(self, obj: Object) -> Object:
        """Apply the status of an existing object.

        ConflictError unless a resourceVersion in its metadata is the current one. A UID is not compared:
        for custom resources the API server takes the metadata from the live object (seen with 1.36).
        """
        return await self._apply(obj, "status")

    async def create(self, obj: Object) -> Object:
        """Create an object; ConflictError when it exists."""
        metadata = obj["metadata"]
        return await self._request("POST", _kind_of(obj), metadata.get("namespace", ""), body=obj)

    async def replace(self, obj: Object) -> Object:
        """Replace an object as a whole; ConflictError when its resourceVersion is not the current one."""
        metadata = obj["metadata"]
        namespace = metadata.get("namespace", "")
        return await self._request("PUT", _kind_of(obj), namespace, metadata["name"], body=obj)

    async def delete(self, kind: Kind, namespace: str, name: str, *, uid: str) -> None:
        """Delete an object if it is the one with this UID; nothing happens when it is gone already."""
        body = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        try:
            await self._request("DELETE", kind, namespace, name, body=body)
        except NotFoundError:
            return

    async def _apply(self, obj: Object, subresource: str) -> Object:
        metadata = obj["metadata"]
        return await self._request(
            "PATCH",
            _kind_of(obj),
            metadata.get("namespace", ""),
            metadata["name"],
            subresource=subresource,
            # Strict: a field that this API server does not know is an error rather than dropped
            query={"fieldManager": FIELD_MANAGER, "force": "true", "fieldValidation": "Strict"},
            body=obj,
            content_type="application/apply-patch+yaml",
        )

    async def _request(
        self,
        verb: str,
        kind: Kind,
        namespace: str,
        name: str = "",
        *,
        subresource: str = "",
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
    ) -> Object:
        timeout_s = READ_TIMEOUT_S
        if verb != "GET":
            self._check_may_write()
            metrics.WRITES.labels(verb, kind.kind).inc()
            timeout_s = WRITE_TIMEOUT_S
        what = f'{verb} {kind.kind} "{"/".join(filter(None, (namespace, name, subresource)))}"'
        try:
            # no await between the check above and the request but the token's refresh
            request = await self._api.param_serialize(
                verb,
                _path(kind, namespace, name, subresource),
                query_params=[(k, v) for k, v in (query or {}).items() if v],
                header_params={"Accept": "application/json", "Content-Type": content_type},
                body=body,
                auth_settings=["BearerToken"],
            )
            response = await self._api.call_api(*request, _request_timeout=timeout_s)
            text: bytes = await response.read()  # type: ignore[no-untyped-call] # the client's own
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise UnavailableError(f"{what}: {error or type(error).__name__}") from error
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise _error_of(what, response.status, text)
        answer: Object = json.loads(text)
        return answer


def _kind_of(obj: Object) -> Kind:
    return _KINDS[obj["apiVersion"], obj["kind"]]


def _path(kind: Kind, namespace: str, name: str, subresource: str) -> str:
    root = f"/apis/{kind.api_version}" if "/" in kind.api_version else f"/api/{kind.api_version}"
    scope = f"/namespaces/{namespace}" if namespace else ""
    return "/".join(filter(None, (f"{root}{scope}/{kind.plural}", name, subresource)))


def _error_of(what: str, status: int, body: bytes) -> ClusterError:
    """Map an error answer, a metav1.Status, to our tree; anything else between us and the API server too."""
    try:
        answer = json.loads(body)
        message = str(answer["message"])
        causes = [cause.get("reason") for cause in (answer.get("details") or {}).get("causes") or ()]
    except (ValueError, TypeError, KeyError, AttributeError):
        message, causes = "the answer is not from a Kubernetes API server", []
    error = _ERROR_BY_STATUS.get(status, UnavailableError)
    if "NamespaceTerminating" in causes:
        error = NamespaceTerminatingError
    if message.startswith("failed to create typed patch object"):
        error = InvalidError  # an apply with a field that this API server does not know: 500 (seen with 1.36)
    return error(f"{what}: {status} {message}")
