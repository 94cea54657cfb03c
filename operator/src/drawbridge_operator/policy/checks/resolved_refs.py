"""ResolvedRefs: everything that the policy names exists and can be used."""

from collections.abc import Iterator, Sequence

from drawbridge_crds.api_keys import MAX_KEYS_PER_TENANT, without_secrets
from drawbridge_crds.conditions import Condition, ConditionType, Reason
from drawbridge_crds.findings import Finding

from drawbridge_operator.policy.gather import InvalidKeys

MAX_SHOWN_KEYS = 3
"""Names of entries per ConfigMap in the message."""


def resolved_refs(
    findings: Sequence[Finding],
    invalid_keys: Sequence[InvalidKeys],
    key_count: int,
) -> Condition:
    """Judge what the policy refers to. The first problem gives the reason, all give the message."""
    problems = [
        *((f.reason, f.message) for f in findings if f.condition == ConditionType.RESOLVED_REFS),
        *_key_problems(invalid_keys, key_count),
    ]
    if problems:
        message = "; ".join(text for _, text in problems)
        return Condition.of(ConditionType.RESOLVED_REFS, "False", problems[0][0], message)
    return Condition.of(
        ConditionType.RESOLVED_REFS, "True", Reason.REFS_RESOLVED, "all pools and ConfigMaps exist"
    )


def _key_problems(invalid_keys: Sequence[InvalidKeys], key_count: int) -> Iterator[tuple[Reason, str]]:
    for keys in invalid_keys:
        shown = ", ".join(map(without_secrets, keys.names[:MAX_SHOWN_KEYS]))
        more = ", ..." if len(keys.names) > MAX_SHOWN_KEYS else ""
        count = len(keys.names)
        text = (
            f'ConfigMap "{keys.config_map}": entries that are no API keys: {count} ({shown}{more}); '
            "nobody is let in by them: revoke them and create new ones with `drawbridge keys`"
        )
        yield Reason.KEYS_INVALID, text
    if key_count > MAX_KEYS_PER_TENANT:
        text = f"{key_count:,} API keys exist, {MAX_KEYS_PER_TENANT:,} are used: revoke what is not needed"
        yield Reason.KEYS_INVALID, text
