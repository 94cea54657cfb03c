"""Types of single values that both resources share, with their bounds."""

import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, StrictInt

from drawbridge_crds.rules import SpecModel, as_stored

ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
"""The name of another Kubernetes object: a DNS subdomain (RFC 1123)."""

Label = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
"""The name of a route, a cloud, a task or a residency: a DNS label (RFC 1123)."""

ModelName = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:@-]*$")]
"""A model's name in requests: of letters, digits and `._/:@-`, the first a letter or digit."""

ServedName = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/@-]*$")]
"""A model's name in the engine: of letters, digits and `._/@-`, the first a letter or digit. The colon is
missing: SGLang keeps that for <model>:<adapter>."""

DataKey = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")]
"""A key of a Secret or ConfigMap: of letters, digits and `-._`."""

Money = Annotated[str, Field(max_length=20, pattern=r"^[0-9]{1,9}(\.[0-9]{1,9})?$")]
"""An amount of money, never a float: a decimal number in quotes, such as "0.25"."""

Duration = Annotated[str, Field(min_length=2, max_length=16, pattern=r"^([0-9]{1,6}(ms|s|m|h))+$")]
"""How long something takes: a time span such as 90s or 1h30m."""


def takes_time(duration: str) -> bool:
    """Tell whether a Duration is more than 0."""
    return re.search("[1-9]", duration) is not None


HttpsURL = Annotated[str, Field(min_length=9, max_length=512)]
"""Checked by a rule of the object that holds it."""


AS_STORED: Final = BeforeValidator(as_stored)
"""For maps; SpecModel does it for objects."""

_QUANTITY_PATTERN = r"^([0-9]+|[0-9]*\.[0-9]+)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$"

Quantity = Annotated[
    Annotated[StrictInt, Field(ge=0)] | Annotated[str, Field(pattern=_QUANTITY_PATTERN, max_length=32)],
    Field(
        json_schema_extra={
            "x-kubernetes-int-or-string": True,
            "minimum": 0,
            "pattern": _QUANTITY_PATTERN,
            "maxLength": 32,
        }
    ),
]
"""A Kubernetes resource quantity, such as 500m, 2 or 16Gi."""

Quantities = Annotated[dict[str, Quantity], Field(max_length=16), AS_STORED]
"""Quantities by resource."""


class SecretKeyRef(SpecModel):
    """One key of a Secret in the resource's own namespace."""

    name: ObjectName
    """The name of the Secret, in the namespace of the resource that refers to it."""

    key: DataKey
    """The key in the Secret's data under which the value is found."""


def map_by(*keys: str) -> dict[str, Any]:
    """Mark a list as a map by the given fields: appliers merge it item by item."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


def as_set() -> dict[str, Any]:
    """Mark a list as a set: no value twice, and order means nothing."""
    return {"x-kubernetes-list-type": "set"}


def atomic() -> dict[str, Any]:
    """Mark a list as one value, replaced whole: its order means something."""
    return {"x-kubernetes-list-type": "atomic"}


_HTTPS_URL: Final = (
    r"^https://([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?"
    r"(/([A-Za-z0-9._~!$&()*+,;=:/-]|%[0-9A-Fa-f]{2})*)?$"
)
"""The same expression for CEL (RE2) and Python: two parsers of URLs would not agree."""


def https_rule_cel(field: str) -> str:
    """Return the CEL of "an https URL without user, query or fragment, where set"."""
    return f"!has(self.{field}) || self.{field}.matches(r'{_HTTPS_URL}')"


def is_https_url(url: str | None) -> bool:
    """Tell the same of a parsed value."""
    return url is None or re.fullmatch(_HTTPS_URL, url) is not None
