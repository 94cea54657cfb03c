from typing import Any

import pytest
from drawbridge_crds.privacy import Privacy, Proof
from drawbridge_crds.route import Backend, FallbackReason
from drawbridge_crds.snapshot import GatewaySnapshot, PoolTarget
from drawbridge_gateway.bridge.permission import why_it_stays
from drawbridge_gateway.dataplane.match import Asked
from drawbridge_gateway.dataplane.route import Plan, plan_route
from drawbridge_gateway.dataplane.tenant import Cloud, Pool, compile_tenant, derived_keys, no_keys
from drawbridge_gateway.protocols.errors import RequestRefused
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.drawbridge_gateway.policies import (
    CLAUDE,
    CODER,
    GPT,
    cloud_backend,
    pool_backend,
    route,
    snapshot,
)

POOL, STRICT_POOL, PROVEN_POOL = pool_backend("coder"), pool_backend("vault"), pool_backend("safe")
CLOUD, OTHER_CLOUD = cloud_backend("gpt"), cloud_backend("claude")


def plan(content: GatewaySnapshot, *, proof: bool = True, task: str | None = None, **asked: Any) -> Plan:
    headers = {b"x-drawbridge-task": task.encode()} if task else {}
    wanted = Asked(**{"model": "auto", "header": headers.get, **asked})
    return plan_route(compile_tenant(content, derived_keys(b"root")), wanted, require_proof=proof)


def names(found: Plan) -> list[str]:
    return [candidate.target.label for candidate in found.candidates]


QUICK = route("quick", POOL, tasks=("test-generation", "pattern-matching"))
HARD = route("hard", CLOUD, fallback=(POOL,), tasks=("complex-reasoning",))
CROSS = route("cross", CLOUD, fallback=(OTHER_CLOUD,), tasks=("translate",))
REST = route("rest", POOL, fallback=(CLOUD,))


@pytest.mark.parametrize(
    ("asked", "name", "candidates"),
    [
        pytest.param({"task": "test-generation"}, "quick", ["pool/coder"], id="a task of the first route"),
        pytest.param({"task": "pattern-matching"}, "quick", ["pool/coder"], id="another task of it"),
        pytest.param(
            {"task": "complex-reasoning"}, "hard", ["cloud/gpt", "pool/coder"], id="a task of the next"
        ),
        pytest.param(
            {"task": None}, "rest", ["pool/coder", "cloud/gpt"], id="no task: the route without matches"
        ),
        pytest.param(
            {"task": "unheard-of"}, "rest", ["pool/coder", "cloud/gpt"], id="an unknown task likewise"
        ),
        pytest.param(
            {"model": "org/model:v1"}, "rest", ["pool/coder", "cloud/gpt"], id="an alias goes by the routes"
        ),
        pytest.param(
            {"model": "coder", "task": "complex-reasoning"},
            "pool:coder",
            ["pool/coder"],
            id="a pool's name is that pool",
        ),
        pytest.param(
            {"task": "translate"}, "cross", ["cloud/gpt", "cloud/claude"], id="a cloud of either protocol"
        ),
    ],
)
def test_who_answers(asked: dict[str, Any], name: str, candidates: list[str]) -> None:
    found = plan(snapshot(QUICK, HARD, CROSS, REST), **asked)
    assert (found.route, names(found), found.privacy, found.refusal) == (
        name,
        candidates,
        Privacy.STANDARD,
        None,
    )


CODER_OUT = route("coder-out", CLOUD, models=("coder",), tasks=("complex-reasoning",))
VAULT_OUT = route("vault-out", CLOUD, models=("vault", "auto"))


def test_a_pool_goes_where_a_match_that_names_it_leads_and_nowhere_else() -> None:
    content = snapshot(CODER_OUT, REST)
    assert names(plan(content, model="coder", task="complex-reasoning")) == ["cloud/gpt"]
    assert names(plan(content, model="coder", task="other")) == ["pool/coder"]
    assert plan(content, model="coder", task="other").route == "pool:coder"


def test_a_match_that_names_a_strict_pool_makes_its_route_strict_for_everybody() -> None:
    content = snapshot(VAULT_OUT)
    for model in ("vault", "auto"):
        found = plan(content, model=model)
        assert (found.privacy, found.candidates) == (Privacy.STRICT, ())
    assert "Strict" in str(why_it_stays(content, "vault-out", "gpt", "auto"))


def test_the_policy_names_the_header_of_the_task() -> None:
    content = snapshot(QUICK, REST, task_header="x-kind")
    assert plan(content, header={b"x-kind": b"test-generation"}.get).route == "quick"
    assert plan(content, task="test-generation").route == "rest"


def test_fallbacks_carry_the_reasons_that_let_them_try() -> None:
    content = snapshot(route("rest", POOL, fallback=(CLOUD,), when=(FallbackReason.TIMEOUT,)))
    assert [c.when for c in plan(content).candidates] == [None, frozenset({"Timeout"})]


def test_engines_see_the_key_of_their_pool_and_no_other() -> None:
    tenant = compile_tenant(snapshot(), derived_keys(b"root"))
    keys = {pool.authorization for pool in tenant.pools.values()}
    assert len(keys) == len(tenant.pools)
    assert compile_tenant(snapshot(), no_keys).pools["coder"].authorization is None


@pytest.mark.parametrize(
    ("asked", "status", "code", "param"),
    [
        pytest.param(
            {"model": "gpt-4o"}, 404, "model_not_found", "model", id="a model that the policy does not list"
        ),
        pytest.param(
            {"model": "spare"}, 404, "model_not_found", "model", id="a pool that the policy does not list"
        ),
        pytest.param(
            {"model": "coder:adapter"}, 404, "model_not_found", "model", id="a pool's name with an adapter"
        ),
        pytest.param(
            {"model": "coder", "key_models": frozenset({"auto"})},
            404,
            "model_not_found",
            "model",
            id="not one of the key's",
        ),
        pytest.param({"task": "unheard-of"}, 400, "no_route", "x-drawbridge-task", id="no route fits"),
    ],
)
def test_requests_without_a_route(asked: dict[str, Any], status: int, code: str, param: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        plan(snapshot(QUICK), **asked)
    error = refused.value.error
    assert (error.status, error.code, error.param) == (status, code, param)


@pytest.mark.parametrize(
    ("model", "named"),
    [
        pytest.param("org/model-2.1:v1@a_b", 'the model "org/model-2.1:v1@a_b"', id="a name"),
        pytest.param("m" * 128, f'the model "{"m" * 128}"', id="as long as one may be"),
        pytest.param("m" * 129, "that model", id="longer"),
        pytest.param("/etc", "that model", id="one that begins as none does"),
        pytest.param("gpt-4o\nX", "that model", id="a line more"),
        pytest.param('gpt" or', "that model", id="what would end the quotation"),
    ],
)
def test_an_unknown_model_is_repeated_only_where_it_looks_like_one(model: str, named: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        plan(snapshot(QUICK), model=model)
    assert refused.value.error.message.startswith(f"{named} does not exist, ")


GONE = pool_backend("gone")


@pytest.mark.parametrize(
    ("content", "asked", "proof", "candidates", "code"),
    [
        pytest.param(
            snapshot(REST, privacy=Privacy.STRICT), {}, False, [], "privacy_refused",
            id="strict policy, Standard pool and a cloud: nobody",
        ),
        pytest.param(
            snapshot(route("rest", STRICT_POOL, fallback=(CLOUD,)), privacy=Privacy.STRICT), {}, False,
            ["pool/vault"], None, id="strict policy, Strict pool, proof not required",
        ),
        pytest.param(
            snapshot(route("rest", STRICT_POOL, fallback=(CLOUD,))), {}, False, ["pool/vault"], None,
            id="a Strict pool makes its route strict",
        ),
        pytest.param(
            snapshot(route("rest", STRICT_POOL, fallback=(CLOUD,))), {}, True, [], "privacy_not_proven",
            id="a Strict pool that is not proven answers nothing",
        ),
        pytest.param(
            snapshot(route("rest", STRICT_POOL, fallback=(PROVEN_POOL, CLOUD))),
            {}, True, ["pool/safe"], None,
            id="a proven pool answers instead",
        ),
        pytest.param(
            snapshot(route("rest", GONE, fallback=(CLOUD,))), {}, False, [], "privacy_refused",
            id="an unknown pool fails closed",
        ),
        pytest.param(
            snapshot(route("rest", GONE, fallback=(PROVEN_POOL, CLOUD))), {}, True, ["pool/safe"], None,
            id="an unknown pool leaves the Strict fallback",
        ),
        pytest.param(
            snapshot(REST), {"strict": True}, False, [], "privacy_refused",
            id="strict header, Standard pool and a cloud: nobody",
        ),
        pytest.param(
            snapshot(route("rest", CLOUD)), {"strict": True}, False, [], "privacy_refused",
            id="strict header, cloud alone: nobody",
        ),
        pytest.param(
            snapshot(route("rest", POOL, fallback=(CLOUD, PROVEN_POOL))),
            {"strict": True}, True, ["pool/safe"], None,
            id="strict header: only the proven pool of the fallback",
        ),
        pytest.param(
            snapshot(), {"model": "coder", "strict": True}, False, [], "privacy_refused",
            id="strict header, Standard pool by name: nobody",
        ),
        pytest.param(
            snapshot(), {"model": "vault"}, False, ["pool/vault"], None, id="a Strict pool by name",
        ),
        pytest.param(
            snapshot(), {"model": "vault"}, True, [], "privacy_not_proven",
            id="a Strict pool by name, not proven",
        ),
    ],
)  # fmt: skip
def test_strict_requests(
    *, content: GatewaySnapshot, asked: dict[str, Any], proof: bool, candidates: list[str], code: str | None
) -> None:
    found = plan(content, proof=proof, **asked)
    assert found.privacy is Privacy.STRICT
    assert names(found) == candidates
    assert (found.refusal.code if found.refusal else None) == code


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(
            snapshot(route("rest", CLOUD), clouds=()), "no_backend", id="a cloud without its authorities"
        ),
    ],
)
def test_routes_that_lead_nowhere(content: GatewaySnapshot, code: str) -> None:
    found = plan(content)
    assert found.candidates == ()
    assert found.refusal is not None
    assert found.refusal.code == code


BACKENDS = st.sampled_from([POOL, STRICT_POOL, PROVEN_POOL, GONE, CLOUD, OTHER_CLOUD])


@given(
    backend=BACKENDS,
    fallback=st.lists(BACKENDS, max_size=4),
    policy=st.sampled_from(Privacy),
    strict=st.booleans(),
    proof=st.booleans(),
    model=st.sampled_from(["auto", "coder", "vault", "safe"]),
)
def test_no_strict_request_has_a_cloud_among_its_candidates(
    *,
    backend: Backend,
    fallback: list[Backend],
    policy: Privacy,
    strict: bool,
    proof: bool,
    model: str,
) -> None:
    content = snapshot(route("rest", backend, fallback=tuple(fallback)), privacy=policy)
    found = plan(content, proof=proof, strict=strict, model=model)
    has_cloud = any(isinstance(c.target, Cloud) for c in found.candidates)
    if policy is Privacy.STRICT or strict or backend in {STRICT_POOL, PROVEN_POOL, GONE} or model != "auto":
        assert not has_cloud
    if found.privacy is Privacy.STRICT:
        assert all(
            isinstance(c.target, Pool) and c.target.privacy is Privacy.STRICT for c in found.candidates
        )
        assert all(isinstance(c.target, Pool) and (c.target.proven or not proof) for c in found.candidates)
    assert bool(found.candidates) == (found.refusal is None)


MISSING_POOL = snapshot(REST, pools=())
STRICT_CODER = PoolTarget(name="coder", model="coder", uid="u", privacy=Privacy.STRICT, proof=Proof.PROVEN)


@pytest.mark.parametrize(
    ("content", "route_name", "cloud_name", "allowed"),
    [
        pytest.param(snapshot(REST), "rest", "gpt", True, id="a fallback of the route"),
        pytest.param(snapshot(HARD), "hard", "gpt", True, id="a backend of the route"),
        pytest.param(snapshot(REST, privacy=Privacy.STRICT), "rest", "gpt", False, id="the policy is Strict"),
        pytest.param(snapshot(REST), "gone", "gpt", False, id="an unknown route"),
        pytest.param(snapshot(REST), "pool:coder", "gpt", False, id="the route of a pool"),
        pytest.param(snapshot(REST), "rest", "claude", False, id="a cloud that the route does not name"),
        pytest.param(snapshot(REST, clouds=()), "rest", "gpt", False, id="a cloud that is not usable"),
        pytest.param(snapshot(REST, clouds=(CLAUDE,)), "rest", "gpt", False, id="one beside one that is"),
        pytest.param(snapshot(REST, clouds=(GPT,)), "rest", "gpt", True, id="the only one that is usable"),
        pytest.param(snapshot(REST, pools=(STRICT_CODER,)), "rest", "gpt", False, id="a Strict pool"),
        pytest.param(MISSING_POOL, "rest", "gpt", False, id="the route's pool is unknown"),
        pytest.param(
            snapshot(route("rest", POOL, fallback=(STRICT_POOL, CLOUD))), "rest", "gpt", True,
            id="a Strict fallback",
        ),
        pytest.param(
            snapshot(route("rest", POOL, fallback=(pool_backend("gpt"),)), pools=(CODER,), clouds=(GPT,)),
            "rest", "gpt", False, id="a pool of the cloud's name",
        ),
    ],
)  # fmt: skip
def test_the_bridges_own_check(
    *, content: GatewaySnapshot, route_name: str, cloud_name: str, allowed: bool
) -> None:
    refusal = why_it_stays(content, route_name, cloud_name, None)
    assert (refusal is None) is allowed


@pytest.mark.parametrize(
    ("content", "route_name", "model", "allowed"),
    [
        pytest.param(snapshot(REST), "rest", "auto", True, id="an alias"),
        pytest.param(snapshot(REST), "rest", None, True, id="not read yet"),
        pytest.param(snapshot(REST), "rest", "vault", False, id="a Strict pool"),
        pytest.param(snapshot(REST), "rest", "spare", False, id="a pool"),
        pytest.param(snapshot(REST, retired=("old",)), "rest", "old", False, id="a pool that is gone"),
        pytest.param(snapshot(CODER_OUT), "coder-out", "coder", True, id="a pool that the route matches"),
        pytest.param(snapshot(CODER_OUT), "coder-out", "spare", False, id="another pool than it matches"),
    ],
)
def test_the_bridge_lets_no_pools_requests_out_by_a_route_that_does_not_name_it(
    *, content: GatewaySnapshot, route_name: str, model: str | None, allowed: bool
) -> None:
    assert (why_it_stays(content, route_name, "gpt", model) is None) is allowed


@given(backend=BACKENDS, fallback=st.lists(BACKENDS, max_size=3), policy=st.sampled_from(Privacy))
def test_whatever_the_gateway_sends_the_bridge_allows(
    backend: Backend, fallback: list[Backend], policy: Privacy
) -> None:
    content = snapshot(route("rest", backend, fallback=tuple(fallback)), privacy=policy)
    for candidate in plan(content, proof=False).candidates:
        if isinstance(candidate.target, Cloud):
            assert why_it_stays(content, "rest", candidate.target.name, "auto") is None
