"""Why the API server refuses a pod or another part of a pool, with what to do about it. Pure."""

import re
from typing import Final

from drawbridge_operator.pool.wording import find_words, make_table

_OBJECT: Final = re.compile(r'^\S+ "[^"]*" is (?:forbidden|invalid): ')
"""Begins a refusal: the object's name, of a pod another in each try."""

_REMEDIES: Final = make_table(
    (
        r"^exceeded quota: (\S+), requested: (\S+), used: (\S+), limited: (\S+)$",
        r'ResourceQuota "\1" allows \4, \3 is used, and \2 asked; raise it, or lower the replicas',
    ),
    (
        r"^failed quota: (\S+): must specify (\S+) for: \S+$",
        r'ResourceQuota "\1" wants every pod to say its \2; set it in spec.resources',
    ),
    (
        r"^no PriorityClass with name (\S+) was found$",
        r'PriorityClass "\1" does not exist; create it, or correct spec.scheduling.priorityClassName',
    ),
    (
        r'^pod rejected: RuntimeClass "(\S+)" not found$',
        r'RuntimeClass "\1" does not exist; create it, or correct spec.scheduling.runtimeClassName',
    ),
    (
        r"^((?:minimum|maximum) \S+ usage per (?:Container|Pod) is .*)$",
        r"\1; change spec.resources, or the LimitRange of the namespace",
    ),
)
"""Words of admission and validation (1.36), and the same with a remedy. Others stay as they are."""

_FIELDS: Final = (
    (re.compile(r"spec\.template\.spec\.containers\[0\]\.resources"), "spec.resources"),
    (
        re.compile(r"spec\.template\.spec\.(affinity|tolerations|topologySpreadConstraints|nodeSelector)"),
        r"spec.scheduling.\1",
    ),
)
"""Fields of a Deployment, and the pool's that decide them."""


def explain_refusal(message: str) -> str:
    """Say why an object was refused, by the pool's own fields."""
    text = _OBJECT.sub("", message)
    for pattern, field in _FIELDS:
        text = pattern.sub(field, text)
    return find_words(text, _REMEDIES) or text
