from typing import Any

import pytest
import yaml
from drawbridge_crds.cloud import Cloud
from drawbridge_crds.compile import Finding
from drawbridge_crds.conditions import MAX_MESSAGE_CHARS, Condition, ConditionType, Reason
from drawbridge_crds.rules import Metadata
from drawbridge_crds.snapshot import CloudTarget
from drawbridge_operator.parse import Unreadable
from drawbridge_operator.policy.checks.accepted import accepted
from drawbridge_operator.policy.checks.credentials_readable import credentials_readable
from drawbridge_operator.policy.checks.ready import ready
from drawbridge_operator.policy.checks.resolved_refs import resolved_refs
from drawbridge_operator.policy.gather import InvalidKeys
from drawbridge_operator.policy.report import CredentialReport
from drawbridge_operator.settings import Settings

SETTINGS = Settings(
    namespace="drawbridge-system",
    pod_name="operator-0",
    root_key=b"k" * 32,
    bridge_url="http://drawbridge-bridge:8080",
    bridge_service_account="drawbridge-bridge",
)


def cloud(name: str = "claude", holder: str = "anthropic") -> CloudTarget:
    spec = Cloud.model_validate(
        {
            "name": name,
            "provider": "Anthropic",
            "model": "m",
            "secretKeyRef": {"name": holder, "key": "api-key"},
        }
    )
    return CloudTarget(
        name=spec.name,
        provider=spec.provider,
        base_url=None,
        model=spec.model,
        secret_key_ref=spec.secret_key_ref,
        ca_bundle_pem=None,
        prices=None,
    )


def report(*entries: tuple[str, str, str]) -> CredentialReport:
    return CredentialReport.model_validate(
        {
            "clouds": [
                {"cloud": name, "secret": {"name": secret, "key": "api-key"}, "state": state}
                for name, secret, state in entries
            ]
        }
    )


def judged(clouds: list[CloudTarget], answer: CredentialReport | None, **changes: Any) -> Condition:
    settings = Settings(**{**{f: getattr(SETTINGS, f) for f in SETTINGS.__slots__}, **changes})
    condition = credentials_readable(clouds, answer, "team-a", settings)
    assert condition is not None
    return condition


def test_a_policy_without_clouds_has_no_such_condition() -> None:
    assert credentials_readable([], None, "team-a", SETTINGS) is None


@pytest.mark.parametrize(
    ("answer", "status", "reason", "words"),
    [
        pytest.param(
            report(("claude", "anthropic", "Readable")), "True", "CredentialsReadable", "every", id="readable"
        ),
        pytest.param(
            report(("claude", "anthropic", "NotFound")),
            "False",
            "SecretNotFound",
            "kubectl -n team-a create secret generic anthropic --from-literal=api-key=",
            id="a missing Secret tells how to create it",
        ),
        pytest.param(
            report(("claude", "anthropic", "Error")),
            "Unknown",
            "BridgeUnreachable",
            "its logs",
            id="a failure",
        ),
        pytest.param(None, "Unknown", "BridgeUnreachable", "does not say", id="no answer is not a no"),
        pytest.param(report(), "Unknown", "BridgeUnreachable", "not loaded", id="a bridge that is behind"),
        pytest.param(
            report(("claude", "other", "Readable")),
            "Unknown",
            "BridgeUnreachable",
            "not loaded",
            id="an answer about the Secret of before",
        ),
    ],
)
def test_what_the_bridge_says_is_judged(
    answer: CredentialReport | None, status: str, reason: str, words: str
) -> None:
    condition = judged([cloud()], answer)
    assert (condition.status, condition.reason) == (status, reason)
    assert words in condition.message


def test_without_a_bridge_clouds_are_known_not_to_answer() -> None:
    assert "bridge.enabled=true" in judged([cloud()], None, bridge_url="").message


def test_a_missing_right_prints_the_manifest_that_grants_it() -> None:
    clouds = [cloud(), cloud("gpt", "openai")]
    answer = report(("claude", "anthropic", "Readable"), ("gpt", "openai", "Forbidden"))
    condition = judged(clouds, answer)
    assert condition.reason == Reason.SECRET_FORBIDDEN
    _, _, manifest = condition.message.partition("kubectl apply -f - <<'EOF'\n")
    role, binding = yaml.safe_load_all(manifest.removesuffix("\nEOF"))
    assert role["metadata"] == {"name": "drawbridge-bridge", "namespace": "team-a"}
    assert role["rules"] == [
        {
            "apiGroups": [""],
            "resources": ["secrets"],
            # both: applied, it must not take back what an earlier one granted
            "resourceNames": ["anthropic", "openai"],
            "verbs": ["get"],
        }
    ]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": "drawbridge-bridge", "namespace": "drawbridge-system"}
    ]


def test_a_manifest_too_long_for_a_message_is_described_rather_than_cut() -> None:
    clouds = [cloud(f"c{i}", f"secret-{i}-{'x' * 40}") for i in range(12)]
    answer = report(*((c.name, c.secret_key_ref.name, "Forbidden") for c in clouds))
    message = judged(clouds, answer).message
    assert len(message) <= MAX_MESSAGE_CHARS
    assert "kubectl" not in message
    assert clouds[-1].secret_key_ref.name in message


def test_a_policy_that_is_in_force_is_accepted() -> None:
    assert accepted(None, None, []).status == "True"


def test_clouds_that_privacy_excludes_leave_the_policy_accepted_and_say_so() -> None:
    finding = Finding(ConditionType.ACCEPTED, Reason.CLOUDS_EXCLUDED, "clouds are never used")
    condition = accepted(None, None, [finding])
    assert (condition.status, condition.reason) == ("True", Reason.CLOUDS_EXCLUDED)
    assert condition.message == "clouds are never used"


@pytest.mark.parametrize(
    ("unreadable", "too_large_bytes", "words"),
    [
        pytest.param(
            Unreadable(Metadata(name="default"), "spec.x: unknown"), None, "spec.x", id="unreadable"
        ),
        pytest.param(None, 2_000_000, "2,000,000 bytes", id="too large"),
    ],
)
def test_a_policy_that_is_not_in_force_says_what_is_in_force_instead(
    unreadable: Unreadable | None, too_large_bytes: int | None, words: str
) -> None:
    condition = accepted(unreadable, too_large_bytes, [])
    assert (condition.status, condition.reason) == ("False", Reason.INVALID)
    assert words in condition.message
    assert "only Strict pools answer, and no cloud" in condition.message


def test_everything_resolved() -> None:
    assert resolved_refs([], [], 0).status == "True"


def test_all_that_is_missing_is_told_and_the_first_gives_the_reason() -> None:
    findings = [
        Finding(ConditionType.RESOLVED_REFS, Reason.CONFIG_MAP_NOT_FOUND, "one is missing"),
        Finding(ConditionType.RESOLVED_REFS, Reason.POOL_NOT_FOUND, "another too"),
        Finding(ConditionType.ACCEPTED, Reason.CLOUDS_EXCLUDED, "not of this condition"),
    ]
    condition = resolved_refs(findings, [InvalidKeys("drawbridge-keys", ("a",))], 1)
    assert (condition.status, condition.reason) == ("False", Reason.CONFIG_MAP_NOT_FOUND)
    assert condition.message.startswith("one is missing; another too; ")
    assert "not of this" not in condition.message


@pytest.mark.parametrize(
    ("invalid", "count", "words"),
    [
        pytest.param([InvalidKeys("cm", tuple("abcde"))], 0, "5 API keys do not parse (a, b, c, ", id="some"),
        pytest.param([InvalidKeys("cm", ("a",))], 0, "1 API keys do not parse (a) and", id="one"),
        pytest.param([], 4001, "4,001 API keys exist, 4,000 are used", id="more than are used"),
    ],
)
def test_keys(invalid: list[InvalidKeys], count: int, words: str) -> None:
    condition = resolved_refs([], invalid, count)
    assert (condition.status, condition.reason) == ("False", Reason.KEYS_INVALID)
    assert words in condition.message


def state(kind: ConditionType, status: Any, reason: Reason = Reason.ACCEPTED) -> Condition:
    return Condition.of(kind, status, reason, f"{kind} is {status}")


@pytest.mark.parametrize(
    ("others", "status", "message"),
    [
        pytest.param(
            [state(ConditionType.ACCEPTED, "True")], "True", "the policy does what it asks", id="yes"
        ),
        pytest.param(
            [
                state(ConditionType.CREDENTIALS_READABLE, "Unknown"),
                state(ConditionType.RESOLVED_REFS, "False"),
                state(ConditionType.ACCEPTED, "False"),
            ],
            "False",
            "ResolvedRefs is False",
            id="the first that is false tells why",
        ),
        pytest.param(
            [state(ConditionType.ACCEPTED, "True"), state(ConditionType.CREDENTIALS_READABLE, "Unknown")],
            "Unknown",
            "CredentialsReadable is Unknown",
            id="what is not known is not ready",
        ),
    ],
)
def test_ready_sums_up(others: list[Condition], status: str, message: str) -> None:
    condition = ready(others)
    assert (condition.type, condition.status, condition.message) == ("Ready", status, message)
