"""The pure diff between what is wanted and what exists: is a write needed, and which.

A write is needed where the object is absent, a wanted field differs from the live one, or a field was
wanted before and no longer is. The last is seen by a hash of what was applied, kept as an annotation.
Fields that others set (defaults, a sidecar, `kubectl rollout restart`) are no reason to write: a
server-side apply would leave them as they are.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final

from drawbridge_crds.names import GROUP

from drawbridge_operator.kinds import Object

APPLIED_ANNOTATION: Final = f"{GROUP}/applied"
"""Hash of the object as last applied."""

EXACT_FIELDS: Final = frozenset({"selector", "podSelector", "policyTypes", "ingress", "egress"})
"""Fields in which one element more changes the meaning of the whole: an added egress rule opens a pool,
an added selector label loses its pods. An apply replaces them as a whole (x-kubernetes-*-type: atomic)."""

MERGE_KEYS: Final[Mapping[str, str]] = {
    "containers": "name",
    "env": "name",
    "imagePullSecrets": "name",
    "ownerReferences": "uid",
    "ports": "name",
    "volumeMounts": "mountPath",
    "volumes": "name",
}
"""Lists whose elements have names: elements of others may lie between ours. All other lists are atomic."""

QUANTITY_FIELDS: Final = frozenset({"requests", "limits", "sizeLimit"})
"""Compared by value: the API server stores 1000m as 1."""

FALSE_IS_ABSENT: Final = frozenset({"hostNetwork", "hostPID", "hostIPC"})
"""Booleans that the API server drops when they are false."""

_QUANTITY: Final = re.compile(r"([0-9]+|[0-9]*\.[0-9]+)(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?")
_FACTORS: Final = {
    **{suffix: Fraction(1000) ** power for power, suffix in enumerate(("n", "u", "m", "", "k"), -3)},
    **{suffix: Fraction(1000) ** power for power, suffix in enumerate("MGTPE", 2)},
    **{f"{suffix}i": Fraction(1024) ** power for power, suffix in enumerate("KMGTPE", 1)},
}


def plan_write(wanted: Object, live: Object | None) -> Object | None:
    """Return the object to apply so that `live` becomes `wanted`, or None when it is that already."""
    stamped = _with_applied_hash(wanted)
    return None if live is not None and _holds("", stamped, live) else stamped


def plan_status(stored: Object, status: Object) -> Object:
    """Return the object to apply so that `stored` gets a status, as long as it is the version that was read.

    What replaced it meanwhile is told apart by that alone: a UID is not compared, see cluster.py.
    """
    metadata = stored["metadata"]
    return {
        "apiVersion": stored["apiVersion"],
        "kind": stored["kind"],
        "metadata": {key: metadata[key] for key in ("name", "namespace", "resourceVersion")},
        "status": status,
    }


def _with_applied_hash(wanted: Object) -> Object:
    canonical = json.dumps(wanted, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(canonical.encode()).hexdigest()[:16]
    metadata = wanted["metadata"]
    annotations = {**metadata.get("annotations", {}), APPLIED_ANNOTATION: digest}
    return {**wanted, "metadata": {**metadata, "annotations": annotations}}


def _holds(field: str, wanted: Any, live: Any) -> bool:
    """Tell whether everything wanted of a field is there."""
    if live is None:
        return wanted in (None, [], {}) or (wanted is False and field in FALSE_IS_ABSENT)
    if field in EXACT_FIELDS:
        return bool(wanted == live)
    if field in QUANTITY_FIELDS:
        return _quantities_hold(wanted, live)
    if isinstance(wanted, dict) and isinstance(live, dict):
        return all(_holds(key, value, live.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(live, list):
        return _elements_hold(MERGE_KEYS.get(field), wanted, live)
    return bool(wanted == live)


def _elements_hold(merge_key: str | None, wanted: list[Any], live: list[Any]) -> bool:
    if merge_key is None:
        return len(wanted) == len(live) and all(map(_holds, [""] * len(wanted), wanted, live))
    by_key = {element.get(merge_key): element for element in live}
    return all(_holds("", element, by_key.get(element[merge_key])) for element in wanted)


def _quantities_hold(wanted: Any, live: Any) -> bool:
    if isinstance(wanted, dict) and isinstance(live, dict):
        return all(_quantities_hold(value, live.get(name)) for name, value in wanted.items())
    return _amount(wanted) == _amount(live)


def _amount(quantity: Any) -> Fraction | str:
    """Read a Kubernetes quantity; what is none stays a string, so that it equals only itself."""
    text = str(quantity)
    match = _QUANTITY.fullmatch(text)
    return Fraction(match[1]) * _FACTORS[match[2] or ""] if match else text
