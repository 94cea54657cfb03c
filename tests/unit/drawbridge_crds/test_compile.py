from typing import Any

import pytest
from drawbridge_crds.compile import MAX_RETIRED, Compiled, TenantFacts, compile_snapshot
from drawbridge_crds.conditions import MAX_MESSAGE_CHARS, Reason
from drawbridge_crds.policy import RoutingPolicy
from drawbridge_crds.pool import InferencePool
from drawbridge_crds.privacy import Privacy, Proof
from drawbridge_crds.rules import Metadata

CLOUD = {
    "name": "claude",
    "provider": "Anthropic",
    "model": "claude-sonnet-4-5",
    "secretKeyRef": {"name": "anthropic", "key": "api-key"},
}
FALLBACK = {"backends": [{"type": "Cloud", "name": "claude"}]}
TO_CODER = {"name": "rest", "backends": [{"type": "Pool", "name": "coder"}]}


def pool(
    name: str = "coder", privacy: str = "Standard", model: dict[str, Any] | None = None, **spec: Any
) -> InferencePool:
    source = {"type": "PersistentVolumeClaim", "persistentVolumeClaim": {"claimName": "weights"}}
    return InferencePool.model_validate(
        {
            "metadata": {"name": name, "uid": f"uid-{name}"},
            "spec": {"model": {"source": source, **(model or {})}, "privacy": privacy, **spec},
        }
    )


def policy(**spec: Any) -> RoutingPolicy:
    return RoutingPolicy.model_validate(
        {"metadata": {"name": "default"}, "spec": {"routes": [TO_CODER], **spec}}
    )


def compiled(**facts: Any) -> Compiled:
    defaults: dict[str, Any] = {
        "tenant": "team-a",
        "floor": Privacy.STANDARD,
        "pools": [pool()],
        "policy": policy(),
    }
    return compile_snapshot(TenantFacts(**{**defaults, **facts}))


def test_without_a_policy_pools_answer_by_name_and_locally() -> None:
    snapshot = compiled(policy=None).snapshot
    assert snapshot.models == ("coder",)
    assert snapshot.routes == ()
    assert snapshot.clouds == ()


def test_pool_order_does_not_change_the_snapshot() -> None:
    one, other = pool("a"), pool("b")
    assert compiled(pools=[one, other]).snapshot.to_wire() == compiled(pools=[other, one]).snapshot.to_wire()


@pytest.mark.parametrize(
    ("own", "floor", "in_force"),
    [
        ("Standard", Privacy.STANDARD, Privacy.STANDARD),
        ("Standard", Privacy.STRICT, Privacy.STRICT),
        ("Strict", Privacy.STANDARD, Privacy.STRICT),
    ],
)
def test_a_pool_is_as_strict_as_itself_or_its_namespace(own: str, floor: Privacy, in_force: Privacy) -> None:
    [target] = compiled(pools=[pool(privacy=own)], floor=floor).snapshot.pools
    assert target.privacy == in_force
    assert target.proof == Proof.NOT_MEASURED


def test_the_name_of_a_pool_that_is_gone_does_not_become_an_alias() -> None:
    named = policy(models=["auto", "coder", "gpt-4o-mini"])
    assert compiled(policy=named).snapshot.models == ("auto", "coder", "gpt-4o-mini")
    assert compiled(policy=named, pools=[]).snapshot.models == ("auto", "gpt-4o-mini")


def test_a_strict_floor_drops_every_cloud_and_says_so() -> None:
    result = compiled(
        floor=Privacy.STRICT, policy=policy(clouds=[CLOUD], routes=[{**TO_CODER, "fallback": FALLBACK}])
    )
    assert result.snapshot.privacy == Privacy.STRICT
    assert result.snapshot.clouds == ()
    assert [f.reason for f in result.findings] == [Reason.CLOUDS_EXCLUDED]


def test_a_cloud_whose_authorities_are_missing_is_left_out_and_comes_back() -> None:
    with_ca = policy(clouds=[{**CLOUD, "caBundleRef": {"name": "ca"}}])
    missing = compiled(policy=with_ca)
    assert missing.snapshot.clouds == ()
    assert [f.reason for f in missing.findings] == [Reason.CONFIG_MAP_NOT_FOUND]
    [cloud] = compiled(policy=with_ca, ca_bundles={("ca", "ca.crt"): "PEM"}).snapshot.clouds
    assert cloud.ca_bundle_pem == "PEM"


@pytest.mark.parametrize(
    ("facts", "reason", "words"),
    [
        pytest.param(
            {"pools": []}, Reason.POOL_NOT_FOUND, 'pool "coder"', id="a route to a pool that is not there"
        ),
        pytest.param(
            {"policy": policy(privacy="Strict")},
            Reason.POOL_NOT_STRICT,
            "privacy: Strict on the pool",
            id="strict traffic to a standard pool",
        ),
        pytest.param(
            {
                "pools": [pool(privacy="Strict")],
                "policy": policy(clouds=[CLOUD], routes=[{**TO_CODER, "fallback": FALLBACK}]),
            },
            Reason.CLOUDS_EXCLUDED,
            "never uses a cloud",
            id="a strict pool with a cloud to fall back to",
        ),
    ],
)
def test_findings_name_the_object_and_the_fix(facts: dict[str, Any], reason: Reason, words: str) -> None:
    [finding] = compiled(**facts).findings
    assert finding.reason == reason
    assert words in finding.message


def test_a_policy_that_asks_for_what_is_not_implemented_counts_as_none() -> None:
    budget = {"period": "Month", "amount": "200"}
    asking = policy(clouds=[CLOUD], routes=[{**TO_CODER, "fallback": FALLBACK}], budgets=[budget])
    found = compiled(policy=asking)
    assert found.snapshot == compiled(policy=None).snapshot
    [finding] = found.findings
    assert finding.reason == Reason.NOT_IMPLEMENTED
    assert "spec.budgets (remove it)" in finding.message


def test_of_a_pool_that_is_left_as_it_is_only_more_privacy_reaches_the_snapshot() -> None:
    before = compiled(pools=[pool(privacy="Strict")]).snapshot
    asking = pool(privacy="Standard", model={"name": "new"}, engine={"upgradePolicy": "WithChart"})
    [target] = compiled(pools=[asking], previous=before).snapshot.pools
    assert (target.privacy, target.model) == (Privacy.STRICT, "coder")
    [target] = compiled(pools=[asking], previous=compiled().snapshot, floor=Privacy.STRICT).snapshot.pools
    assert target.privacy == Privacy.STRICT
    [target] = compiled(pools=[asking]).snapshot.pools
    assert (target.privacy, target.model) == (Privacy.STANDARD, "new"), "of a new pool nothing is in force"


LISTING = {"models": ["auto", "old"], "clouds": [CLOUD], "routes": [{**TO_CODER, "fallback": FALLBACK}]}


def test_a_deleted_pool_that_no_route_names_does_not_become_an_alias() -> None:
    before = compiled(pools=[pool(), pool("old")], policy=policy(**LISTING)).snapshot
    assert (before.models, before.retired) == (("auto", "old"), ())
    after = compiled(policy=policy(**LISTING), known_pools=before.known_pools)
    assert (after.snapshot.models, after.snapshot.retired) == (("auto",), ("old",))
    assert ['"old" is answered 404' in finding.message for finding in after.findings] == [True]


def test_it_is_remembered_while_the_policy_is_not_in_force_and_forgotten_when_it_is_not_listed() -> None:
    known = compiled(pools=[pool(), pool("old")], policy=policy(**LISTING)).snapshot
    closed = compiled(policy=None, policy_unreadable=True, known_pools=known.known_pools).snapshot
    assert closed.retired == ("old",)
    not_listing = policy(limits={"maxInFlight": 8})
    waiting = compiled(policy=not_listing, known_pools=known.known_pools).snapshot
    assert waiting.retired == ("old",), "the next policy, which is in force, may list it"
    assert compiled(policy=policy(), known_pools=known.known_pools).snapshot.retired == ()
    again = compiled(
        pools=[pool(), pool("old")], policy=policy(**LISTING), known_pools=known.known_pools
    ).snapshot
    assert (again.models, again.retired) == (("auto", "old"), ())


def test_a_policy_that_is_deleted_and_made_anew_finds_it_remembered() -> None:
    known = compiled(pools=[pool(), pool("old")], policy=policy(**LISTING)).snapshot
    gone = compiled(policy=policy(**LISTING), known_pools=known.known_pools).snapshot
    between = compiled(policy=None, known_pools=gone.known_pools).snapshot
    assert (between.models, between.retired) == (("coder",), ("old",))
    anew = compiled(policy=policy(**LISTING), known_pools=between.known_pools).snapshot
    assert (anew.models, anew.retired) == (("auto",), ("old",))


def test_without_a_policy_the_newest_of_many_deleted_pools_are_remembered() -> None:
    snapshot = compiled(policy=None, known_pools=[f"p{number}" for number in range(MAX_RETIRED + 2)]).snapshot
    assert len(snapshot.retired) == MAX_RETIRED
    assert (snapshot.retired[0], snapshot.retired[-1]) == ("p2", f"p{MAX_RETIRED + 1}")


MATCHING = {
    "models": ["auto", "vault"],
    "clouds": [CLOUD],
    "routes": [
        {
            "name": "out",
            "matches": [{"models": ["vault"]}, {"tasks": ["think"]}],
            "backends": FALLBACK["backends"],
        }
    ],
}


def test_a_route_that_matches_a_deleted_pool_stays_closed() -> None:
    before = compiled(pools=[pool("vault", "Strict")], policy=policy(**MATCHING)).snapshot
    after = compiled(pools=[], policy=policy(**MATCHING), known_pools=before.known_pools)
    [out] = after.snapshot.routes
    assert before.route_privacy(out) == after.snapshot.route_privacy(out) == Privacy.STRICT
    assert [
        f.message
        for f in after.findings
        if '"out" matches model "vault", a pool that is deleted' in f.message
    ]
    unlisted = policy(**{**MATCHING, "models": ["auto"]})
    assert compiled(pools=[], policy=unlisted, known_pools=before.known_pools).snapshot.retired == ("vault",)
    never = compiled(pools=[], policy=policy(**MATCHING)).snapshot
    assert never.route_privacy(out) == Privacy.STANDARD, "what never was a pool is an alias"


@pytest.mark.parametrize(
    ("facts", "reason", "words"),
    [
        pytest.param(
            {
                "policy": policy(
                    privacy="Strict",
                    models=["auto", "vault", "coder"],
                    routes=[{"name": "rest", "backends": [{"type": "Pool", "name": "vault"}]}],
                )
            },
            Reason.POOL_NOT_STRICT,
            'model "coder" is a pool that is Standard',
            id="a Standard pool that can be asked for by name only",
        ),
        pytest.param(
            {"floor": Privacy.STRICT, "policy": policy(clouds=[CLOUD], routes=[{"name": "out", **FALLBACK}])},
            Reason.NO_BACKEND,
            'route "out" is answered by nobody',
            id="a route to clouds only under a strict floor",
        ),
        pytest.param(
            {"policy": policy(**MATCHING)},
            Reason.NO_BACKEND,
            'route "out" is answered by nobody',
            id="a match on a Strict pool whose route names a cloud only",
        ),
    ],
)
def test_what_can_only_be_refused_is_told(facts: dict[str, Any], reason: Reason, words: str) -> None:
    found = compiled(pools=[pool(), pool("vault", "Strict")], **facts).findings
    assert [f.reason for f in found if words in f.message] == [reason]


def test_of_many_settings_that_are_not_implemented_some_are_told_and_what_to_do() -> None:
    routes = [{**TO_CODER, "name": f"{'r' * 61}{n:02}", "hold": {"maxWait": "1s"}} for n in range(32)]
    [finding] = compiled(policy=policy(routes=routes)).findings
    assert finding.message.endswith(
        " (remove hold, or set 0s) and 26 more; until then the pools answer by name, and no cloud"
    )
    assert len(finding.message) < MAX_MESSAGE_CHARS


def test_its_privacy_holds_although_it_counts_as_none() -> None:
    asking = policy(privacy="Strict", limits={"maxInFlight": 8})
    found = compiled(policy=asking)
    assert found.snapshot.privacy == Privacy.STRICT
    assert not found.policy_in_force


def test_a_policy_stays_in_force_beside_a_setting_that_guards_nothing() -> None:
    spec = {"clouds": [CLOUD], "routes": [{**TO_CODER, "fallback": FALLBACK}]}
    asking = compiled(policy=policy(**spec, batch={"parallel": 8}, localCost={"monthlyFixed": "1"}), pools=[])
    assert asking.policy_in_force
    assert asking.snapshot == compiled(policy=policy(**spec), pools=[]).snapshot
    told = {finding.reason: finding.message for finding in asking.findings}
    assert told.keys() == {Reason.NOT_IMPLEMENTED, Reason.POOL_NOT_FOUND}
    assert told[Reason.NOT_IMPLEMENTED] == (
        "not implemented yet: spec.batch (remove it), spec.localCost (remove it); "
        "the rest of the policy is acted on"
    )


def test_a_match_that_names_a_strict_pool_is_told_to_exclude_clouds() -> None:
    out = {**TO_CODER, "matches": [{"models": ["vault"]}], "fallback": FALLBACK}
    found = compiled(pools=[pool(), pool("vault", "Strict")], policy=policy(clouds=[CLOUD], routes=[out]))
    told = {f.reason: f.message for f in found.findings}
    assert '"vault" is Strict' in told[Reason.CLOUDS_EXCLUDED]
    assert 'pool "coder", which is Standard' in told[Reason.POOL_NOT_STRICT]


def test_a_match_on_a_model_that_nobody_can_ask_for_is_told() -> None:
    matched = {**TO_CODER, "matches": [{"models": ["auto", "gpt-4o"]}, {"models": ["gpt-4o"]}]}
    [finding] = compiled(policy=policy(routes=[matched])).findings
    assert finding.reason == Reason.MODEL_NOT_LISTED
    assert "nobody can ask for: gpt-4o; add" in finding.message


def test_a_standard_pool_of_a_route_that_a_strict_one_makes_strict_is_told_that_it_never_answers() -> None:
    pools = [pool(), pool("vault", "Strict")]
    matched = {**TO_CODER, "matches": [{"models": ["vault"]}]}
    to_coder, to_vault = ({"type": "Pool", "name": name} for name in ("coder", "vault"))
    fallen = {**TO_CODER, "backends": [to_vault], "fallback": {"backends": [to_coder]}}
    for route in (matched, fallen):
        found = compiled(pools=pools, policy=policy(models=["auto", "vault"], routes=[route]))
        assert [(f.reason, 'pool "coder"' in f.message) for f in found.findings] == [
            (Reason.POOL_NOT_STRICT, True)
        ]


def test_a_policy_that_cannot_be_read_closes_everything_but_strict_pools_by_name() -> None:
    snapshot = compiled(policy=None, policy_unreadable=True, pools=[pool("standard")]).snapshot
    assert snapshot.privacy == Privacy.STRICT
    assert snapshot.models == ("standard",)
    assert snapshot.clouds == ()
    assert snapshot.routes == ()


def test_a_pool_that_cannot_be_read_still_answers_but_counts_as_strict() -> None:
    unreadable = Metadata(name="other", uid="uid-other")
    [coder, other] = compiled(unreadable_pools=[unreadable]).snapshot.pools
    assert (coder.name, coder.privacy) == ("coder", Privacy.STANDARD)
    assert (other.name, other.uid, other.privacy) == ("other", "uid-other", Privacy.STRICT)


def test_the_replicas_of_a_pool_that_cannot_be_read_any_more_keep_their_models_name() -> None:
    before = compiled(pools=[pool(model={"name": "qwen"})]).snapshot
    unreadable = Metadata(name="coder", uid="uid-coder")
    [target] = compiled(pools=[], unreadable_pools=[unreadable], previous=before).snapshot.pools
    assert target.model == "qwen"
    successor = Metadata(name="coder", uid="uid-another")
    [target] = compiled(pools=[], unreadable_pools=[successor], previous=before).snapshot.pools
    assert target.model == "coder"
