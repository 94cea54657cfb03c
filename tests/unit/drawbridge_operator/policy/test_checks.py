from typing import Any

import pytest
import yaml
from drawbridge_crds.cloud import Cloud
from drawbridge_crds.conditions import MAX_MESSAGE_CHARS, Condition, Reason
from drawbridge_crds.reports import CredentialReport
from drawbridge_crds.snapshot import CloudTarget
from drawbridge_operator.policy.checks.accepted import accepted
from drawbridge_operator.policy.checks.credentials_readable import credentials_readable
from drawbridge_operator.policy.checks.resolved_refs import resolved_refs
from drawbridge_operator.policy.gather import InvalidKeys
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


def judged(clouds: list[CloudTarget], answer: CredentialReport, **changes: Any) -> Condition:
    settings = Settings(**{**{f: getattr(SETTINGS, f) for f in SETTINGS.__slots__}, **changes})
    condition = credentials_readable(clouds, answer, "team-a", settings)
    assert condition is not None
    return condition


def test_a_policy_without_clouds_has_no_such_condition() -> None:
    assert credentials_readable([], report(), "team-a", SETTINGS) is None


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(report(), id="nothing of this cloud"),
        pytest.param(report(("claude", "other", "Readable")), id="of the Secret of before"),
    ],
)
def test_a_bridge_that_is_behind_is_neither_yes_nor_no(answer: CredentialReport) -> None:
    condition = judged([cloud()], answer)
    assert (condition.status, condition.reason) == ("Unknown", Reason.BRIDGE_UNREACHABLE)
    assert condition.message.startswith("the bridge has not loaded this policy yet; ")


@pytest.mark.parametrize(
    ("secrets", "tenant"),
    [
        pytest.param(["anthropic"], "team-a", id="usual names"),
        pytest.param(["123", "1.5", "true", "null", "0x10"], "1000", id="names that YAML takes for others"),
        pytest.param([f"secret-of-cloud-{n}" for n in range(16)], "t" * 40, id="as many as may be"),
    ],
)
def test_a_missing_right_prints_the_manifest_that_grants_it(secrets: list[str], tenant: str) -> None:
    clouds = [cloud(f"c{n}", name) for n, name in enumerate(secrets)]
    answer = report(*((c.name, c.secret_key_ref.name, "Forbidden") for c in clouds))
    condition = credentials_readable(clouds, answer, tenant, SETTINGS)
    assert condition is not None
    assert condition.reason == Reason.SECRET_FORBIDDEN
    _, _, manifest = condition.message.partition("kubectl apply -f - <<'EOF'\n")
    role, binding = yaml.safe_load_all(manifest.removesuffix("\nEOF"))
    assert role["metadata"] == binding["metadata"] == {"name": "drawbridge-bridge", "namespace": tenant}
    [rule] = role["rules"]
    assert rule.pop("resourceNames") == sorted(secrets)
    assert rule == {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}
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


@pytest.mark.parametrize(
    ("count", "shown", "more"),
    [
        pytest.param(3, 3, "", id="three, which are all told"),
        pytest.param(5, 3, "; 2 more are missing", id="more than are told"),
    ],
)
def test_missing_secrets_are_told_in_their_order_and_no_more_than_can_be_read(
    count: int, shown: int, more: str
) -> None:
    clouds = [cloud(f"c{i}", f"secret-{i}") for i in range(count)]
    answer = report(*((c.name, c.secret_key_ref.name, "NotFound") for c in reversed(clouds)))
    *told, last = judged(clouds, answer).message.split(" --from-literal=api-key=YOUR_API_KEY")
    assert [words.rpartition(" ")[2] for words in told] == [f"secret-{i}" for i in range(shown)]
    assert last == more


def test_a_policy_too_large_says_what_is_in_force_instead() -> None:
    condition = accepted(None, 2_000_000, [])
    assert (condition.status, condition.reason) == ("False", Reason.INVALID)
    assert "2,000,000 bytes" in condition.message
    assert "only Strict pools answer, and no cloud" in condition.message


def test_keys_beyond_the_limit_are_told() -> None:
    message = "4,001 API keys exist, 4,000 are used: revoke what is not needed"
    assert resolved_refs([], [], 4001).message == message
    assert resolved_refs([], [], 4000).status == "True"


@pytest.mark.parametrize(("names", "shown"), [("abc", "3 (a, b, c)"), ("abcd", "4 (a, b, c, ...)")])
def test_of_many_entries_that_are_no_keys_some_are_named(names: str, shown: str) -> None:
    message = resolved_refs([], [InvalidKeys("drawbridge-keys", tuple(names))], 0).message
    assert f"entries that are no API keys: {shown}; " in message
