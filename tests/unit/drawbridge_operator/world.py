"""An API server in memory, behind the real Cluster: enough of it for tables of reconciles.

Server-side apply is a deep merge that replaces lists; one field manager is all there is. What the real
one does beyond that is tested against it, in tests/integration/operator.
"""

import copy
from collections.abc import Mapping
from typing import Any

from drawbridge_operator.cluster import Cluster
from drawbridge_operator.errors import ConflictError, DrawbridgeError, NotFoundError
from drawbridge_operator.kinds import EVENT, Kind, Object

Key = tuple[str, str, str]
"""Kind, namespace and name."""

Write = tuple[str, str, str]
"""Verb, kind (with "/status") and name. Names of events are made by the server."""


class World(Cluster):
    def __init__(self, *objects: Object) -> None:
        self.objects: dict[Key, Object] = {}
        self.writes: list[Write] = []
        self.failures: dict[tuple[str, str], DrawbridgeError] = {}
        """By verb and kind, as in a Write: what the server answers instead."""
        self.cached: dict[Key, Object] = {}
        """Older states of objects, as the cache of a lagging API server has them: shown by a list that
        takes them, with resourceVersion 0."""
        self._version = 0
        for obj in objects:
            self.put(obj)

    def put(self, obj: Object) -> Object:
        """Store an object as a person would have: uid, generation and version are given out."""
        key = _key_of(obj)
        self._version += 1
        before = self.objects.get(key)
        fresh: Object = {"uid": f"uid-{self._version}", "generation": 0}
        defaults = before["metadata"] if before else fresh
        changed = before is None or before.get("spec") != obj.get("spec")
        stored = copy.deepcopy(obj)
        stored["metadata"] = {
            "uid": defaults["uid"],
            **stored["metadata"],
            "generation": defaults["generation"] + changed,
            "resourceVersion": str(self._version),
        }
        self.objects[key] = stored
        return stored

    def remove(self, kind: Kind, namespace: str, name: str) -> None:
        del self.objects[kind.kind, namespace, name]

    def named(self, kind: Kind, namespace: str, name: str) -> Object:
        return self.objects[kind.kind, namespace, name]

    def of_kind(self, kind: Kind) -> list[Object]:
        return [obj for (name, _, _), obj in self.objects.items() if name == kind.kind]

    def written(self) -> list[Write]:
        """Return the writes since the last call."""
        writes, self.writes = self.writes, []
        return writes

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
        content_type: str = "",
    ) -> Object:
        del content_type
        what = "/".join(filter(None, (kind.kind, subresource)))
        if verb != "GET":
            self.writes.append((verb, what, name))
        if error := self.failures.get((verb, what)):
            raise error
        key = (kind.kind, namespace, name)
        if verb == "GET" and not name:
            page = self._page(kind, namespace, (query or {}).get("labelSelector", ""))
            if (query or {}).get("resourceVersion") == "0":
                page["items"] = [self.cached.get(_key_of(item), item) for item in page["items"]]
            return page
        if verb == "GET":
            return copy.deepcopy(self._existing(key))
        if verb == "DELETE":
            return self._delete(key, body or {})
        assert body is not None
        if verb == "POST":
            return self._create(kind, namespace, body)
        return self._patch_status(key, body) if subresource else self._patch(key, body)

    def _page(self, kind: Kind, namespace: str, selector: str) -> Object:
        items = [
            copy.deepcopy(obj)
            for (kind_name, in_namespace, _), obj in sorted(self.objects.items())
            if kind_name == kind.kind
            and namespace in {"", in_namespace}
            and _matches(obj["metadata"].get("labels", {}), selector)
        ]
        return {"metadata": {}, "items": items}

    def _existing(self, key: Key) -> Object:
        if key not in self.objects:
            raise NotFoundError(f"{key} not found")
        return self.objects[key]

    def _create(self, kind: Kind, namespace: str, body: Object) -> Object:
        metadata = body["metadata"]
        name = metadata.get("name") or f"{metadata['generateName']}{self._version}"
        if (kind.kind, namespace, name) in self.objects:
            raise ConflictError(f"{name} exists")
        return self.put({**body, "metadata": {**metadata, "name": name}})

    def _patch(self, key: Key, body: Object) -> Object:
        return self.put(merged(self.objects.get(key, {}), body))

    def _patch_status(self, key: Key, body: Object) -> Object:
        live = self._existing(key)
        version = live["metadata"]["resourceVersion"]
        if body["metadata"].get("resourceVersion", version) != version:
            raise ConflictError("another version")
        return self.put({**live, "status": copy.deepcopy(body["status"])})

    def _delete(self, key: Key, options: Object) -> Object:
        live = self._existing(key)
        if live["metadata"]["uid"] != options["preconditions"]["uid"]:
            raise ConflictError("another uid")
        return self.objects.pop(key)

    def events(self) -> list[tuple[str, str]]:
        """Return type and reason of every event posted."""
        return [(event["type"], event["reason"]) for event in self.of_kind(EVENT)]


def _key_of(obj: Object) -> Key:
    metadata = obj["metadata"]
    return obj["kind"], metadata.get("namespace", ""), metadata["name"]


def _matches(labels: Mapping[str, str], selector: str) -> bool:
    """Match "key", "key=value" and their conjunction."""
    for term in filter(None, selector.split(",")):
        key, is_value, value = term.partition("=")
        if key not in labels or (is_value and labels[key] != value):
            return False
    return True


def merged(old: Any, new: Any) -> Any:
    """Merge JSON deeply; lists and everything else are replaced."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{key: merged(old.get(key), value) for key, value in new.items()}}
    return copy.deepcopy(new)
