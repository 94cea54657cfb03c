"""The one door to the Kubernetes API server: plain JSON in and out. Nothing else imports its client.

Gateway and bridge follow lists (`read_list`, `watch`); the bridge reads Secrets by name; the command line
writes ConfigMaps of keys.
"""

import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration

from drawbridge_gateway.errors import DrawbridgeError

Object = dict[str, Any]
"""A Kubernetes object as JSON."""

PAGE_ITEMS: Final = 500
"""Objects per page of a list, as kubectl asks for."""

REQUEST_TIMEOUT_S: Final = 15.0
CONNECT_TIMEOUT_S: Final = 5.0


class ApiServerError(DrawbridgeError):
    """The API server did not do what was asked. The message names verb, path and its own words."""


class ForbiddenError(ApiServerError):
    """403: RBAC does not allow it."""


class ConflictError(ApiServerError):
    """409: the object exists already, or changed since it was read."""


class ExpiredError(ApiServerError):
    """410: the resource version is too old to watch from; list again."""


class UnreachableError(ApiServerError):
    """No answer: connection refused, broken or silent, an unusable kubeconfig or certificate."""


_ERROR_BY_STATUS: Final[Mapping[int, type[ApiServerError]]] = {
    HTTPStatus.FORBIDDEN: ForbiddenError,
    HTTPStatus.CONFLICT: ConflictError,
    HTTPStatus.GONE: ExpiredError,
}


class ApiServer:
    """A connection to one API server; `connected` opens and closes it.

    Every method raises ApiServerError, or one of its kind, for what the API server does not do.
    """

    def __init__(self, client: ApiClient, namespace: str = "default") -> None:
        self._client = client
        self.namespace = namespace
        """Of the kubeconfig's context: what a person means who names none."""

    async def get(self, path: str) -> Object | None:
        """Read one object; None when it does not exist."""
        return await self._request("GET", path)

    async def create(self, path: str, body: Object) -> None:
        """Create an object in the collection `path`; ConflictError when it exists."""
        await self._request("POST", path, body=body)

    async def merge_patch(self, path: str, body: Object) -> Object | None:
        """Change the named fields of an object (RFC 7386); None when it does not exist."""
        return await self._request("PATCH", path, body=body, content_type="application/merge-patch+json")

    async def read_list(self, path: str, label_selector: str) -> tuple[list[Object], str]:
        """Read all objects that the selector names, and the resource version to watch from.

        A resource that this API server does not have is an error, not an empty list.
        """
        items: list[Object] = []
        query = {"labelSelector": label_selector, "limit": str(PAGE_ITEMS)}
        while True:
            page = await self._request("GET", path, query)
            if page is None:
                raise ApiServerError(f"GET {path}: 404 this API server does not have the resource")
            items += page.get("items") or ()
            query["continue"] = page["metadata"].get("continue", "")
            if not query["continue"]:
                return items, page["metadata"]["resourceVersion"]

    async def watch(
        self, path: str, label_selector: str, resource_version: str, *, duration_s: float, silence_s: float
    ) -> AsyncIterator[tuple[str, Object]]:
        """Yield (type, object) of each change after `resource_version`, bookmarks included.

        Ends when the API server ends the watch, after about `duration_s`. A connection that is silent
        for `silence_s` is taken for dead (UnreachableError): nothing else tells a half-open one.
        """
        query = {
            "labelSelector": label_selector,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(round(duration_s)),
        }
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=silence_s)
        what = f"WATCH {path}"
        try:
            async with await self._send("GET", path, query, timeout=timeout) as response:
                if response.status != HTTPStatus.OK:
                    raise _error_of(what, response.status, await response.read())
                while line := await response.content.readline():
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        status = event["object"]
                        raise _error_of(what, status.get("code", 0), json.dumps(status).encode())
                    yield event["type"], event["object"]
        except (aiohttp.ClientError, OSError, ValueError) as error:  # TimeoutError is an OSError
            raise UnreachableError(f"{what}: {error or type(error).__name__}") from error

    async def _request(
        self,
        verb: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: Object | None = None,
        content_type: str = "application/json",
    ) -> Object | None:
        what = f"{verb} {path}"
        timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S)
        try:
            async with await self._send(
                verb, path, query or {}, body=body, content_type=content_type, timeout=timeout
            ) as response:
                text = await response.read()
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            raise UnreachableError(f"{what}: {error or type(error).__name__}") from error
        if response.status == HTTPStatus.NOT_FOUND and verb != "POST":
            return None
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise _error_of(what, response.status, text)
        answer: Object = json.loads(text)
        return answer

    async def _send(
        self,
        verb: str,
        path: str,
        query: Mapping[str, str],
        *,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own, with its parts told apart
        body: Object | None = None,
        content_type: str = "application/json",
    ) -> aiohttp.ClientResponse:
        request = await self._client.param_serialize(
            verb,
            path,
            query_params=[(name, value) for name, value in query.items() if value],
            header_params={"Accept": "application/json", "Content-Type": content_type},
            body=body,
            auth_settings=["BearerToken"],
        )
        answer = await self._client.call_api(*request, _request_timeout=timeout)
        response: aiohttp.ClientResponse = answer.response
        return response


@asynccontextmanager
async def connected() -> AsyncIterator[ApiServer]:
    """Connect as KUBECONFIG says where it is set, else as the pod's service account, else by ~/.kube/config.

    A pod has its account unasked, and the variable is set on purpose; the operator has the same order.

    Raises:
        UnreachableError: when none of these gives a usable configuration.
    """
    configuration = Configuration()
    in_pod = "KUBECONFIG" not in os.environ and "KUBERNETES_SERVICE_HOST" in os.environ
    namespace = "default"
    try:
        if in_pod:
            # untyped; the token is read again every minute, as it rotates
            config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        else:
            # named here: the library looks at KUBECONFIG when it is imported, not when it is asked
            loader = await config.load_kube_config(  # type: ignore[no-untyped-call]
                os.environ.get("KUBECONFIG"), client_configuration=configuration
            )
            namespace = loader.current_context["context"].get("namespace") or namespace
        client = ApiClient(configuration)
    except (config.ConfigException, OSError, ValueError) as error:
        where = "the pod's service account" if in_pod else os.environ.get("KUBECONFIG", "~/.kube/config")
        raise UnreachableError(
            f"cannot tell how to reach the Kubernetes API server from {where}: {error}; "
            "set KUBECONFIG to the file that kubectl uses"
        ) from error
    async with client:
        yield ApiServer(client, namespace)


def _error_of(what: str, status: int, body: bytes) -> ApiServerError:
    """Map an error answer, a metav1.Status; a proxy on the way may answer something else."""
    try:
        message = json.loads(body)["message"]
    except (ValueError, TypeError, KeyError):
        message = "the answer is not from a Kubernetes API server"
    return _ERROR_BY_STATUS.get(status, ApiServerError)(f"{what}: {status} {message}")
