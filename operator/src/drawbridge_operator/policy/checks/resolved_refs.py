"""ResolvedRefs: everything that the policy names exists and can be used."""

from collections.abc import Iterator, Sequence

from drawbridge_crds.api_keys import MAX_KEYS_PER_TENANT
from drawbridge_crds.compile import Finding
from drawbridge_crds.conditions import Condition, ConditionType, Reason

from drawbridge_operator.policy.gather import InvalidBundle, InvalidKeys

MAX_SHOWN_KEYS = 3
"""Ids per ConfigMap in the message; the ids are public."""


def resolved_refs(
    findings: Sequence[Finding],
    invalid_bundles: Sequence[InvalidBundle],
    invalid_keys: Sequence[InvalidKeys],
    key_count: int,
) -> Condition:
    """Judge what the policy refers to. The first problem gives the reason, all give the message."""
    problems = [
        *((f.reason, f.message) for f in findings if _stands(f, invalid_bundles)),
        *map(_bundle_problem, invalid_bundles),
        *_key_problems(invalid_keys, key_count),
    ]
    if problems:
        message = "; ".join(text for _, text in problems)
        return Condition.of(ConditionType.RESOLVED_REFS, "False", problems[0][0], message)
    return Condition.of(
        ConditionType.RESOLVED_REFS, "True", Reason.REFS_RESOLVED, "all pools and ConfigMaps exist"
    )


def _stands(finding: Finding, invalid_bundles: Sequence[InvalidBundle]) -> bool:
    """Tell whether a finding is about references, and true.

    Compiling gets no authorities of a cloud where the text is invalid, and takes them for missing.
    """
    exists = tuple(f'cloud "{bundle.cloud}" ' for bundle in invalid_bundles)
    is_wrong = finding.reason == Reason.CONFIG_MAP_NOT_FOUND and finding.message.startswith(exists)
    return finding.condition == ConditionType.RESOLVED_REFS and not is_wrong


def _bundle_problem(bundle: InvalidBundle) -> tuple[Reason, str]:
    text = (
        f'cloud "{bundle.cloud}" is not used: ConfigMap "{bundle.config_map}" holds no PEM certificates that '
        f'can be read at key "{bundle.key}"; put there those of the authorities to trust, as ASCII text, '
        "each from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----"
    )
    return Reason.CONFIG_MAP_INVALID, text


def _key_problems(invalid_keys: Sequence[InvalidKeys], key_count: int) -> Iterator[tuple[Reason, str]]:
    for keys in invalid_keys:
        shown = ", ".join(keys.key_ids[:MAX_SHOWN_KEYS])
        more = ", ..." if len(keys.key_ids) > MAX_SHOWN_KEYS else ""
        count = len(keys.key_ids)
        text = (
            f'ConfigMap "{keys.config_map}": entries that are no API keys: {count} ({shown}{more}); '
            "nobody is let in by them: revoke them and create new ones with `drawbridge keys`"
        )
        yield Reason.KEYS_INVALID, text
    if key_count > MAX_KEYS_PER_TENANT:
        text = f"{key_count:,} API keys exist, {MAX_KEYS_PER_TENANT:,} are used: revoke what is not needed"
        yield Reason.KEYS_INVALID, text
