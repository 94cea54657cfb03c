from collections.abc import Mapping
from typing import Any

import kopf
import pytest
from drawbridge_operator.controller import Key, KeyKind
from drawbridge_operator.handlers import WATCHED, child_key, config_map_key, kopf_settings, register_handlers
from drawbridge_operator.kinds import INFERENCE_POOL, ROUTING_POLICY, SECRET

POOL = Key(KeyKind.POOL, "team-a", "coder")
TENANT = Key(KeyKind.TENANT, "team-a")


@pytest.mark.parametrize(
    ("labels", "key"),
    [
        pytest.param({"drawbridge.dev/pool": "coder"}, POOL, id="a child of a pool"),
        pytest.param({"app.kubernetes.io/managed-by": "x"}, Key(KeyKind.SYSTEM), id="the system's own"),
        pytest.param({}, Key(KeyKind.SYSTEM), id="anything at all is some key"),
    ],
)
def test_children(labels: Mapping[str, str], key: Key) -> None:
    assert child_key("team-a", labels) == key


@pytest.mark.parametrize(
    ("namespace", "labels", "tenant"),
    [
        pytest.param("team-a", {"drawbridge.dev/keys": "true"}, "team-a", id="a tenant's API keys"),
        pytest.param(
            "drawbridge-system",
            {
                "drawbridge.dev/keys": "compiled",
                "drawbridge.dev/snapshot": "true",
                "drawbridge.dev/tenant": "b",
            },
            "b",
            id="a snapshot belongs to the tenant it names",
        ),
        pytest.param(
            "drawbridge-system",
            {"drawbridge.dev/snapshot": "true", "drawbridge.dev/keys": ""},
            "drawbridge-system",
            id="a snapshot that lost its tenant is some key all the same",
        ),
    ],
)
def test_config_maps(namespace: str, labels: Mapping[str, str], tenant: str) -> None:
    assert config_map_key(namespace, labels) == Key(KeyKind.TENANT, tenant)


@pytest.mark.parametrize(
    ("plural", "seen", "keys"),
    [
        ("inferencepools", {"namespace": "team-a", "name": "coder"}, [POOL, TENANT]),
        ("routingpolicies", {"namespace": "team-a", "name": "default"}, [TENANT]),
        ("deployments", {"namespace": "team-a", "labels": {"drawbridge.dev/pool": "coder"}}, [POOL]),
        ("services", {"namespace": "team-a", "labels": {"drawbridge.dev/pool": "coder"}}, [POOL]),
        ("poddisruptionbudgets", {"namespace": "team-a", "labels": {"drawbridge.dev/pool": "coder"}}, [POOL]),
        ("networkpolicies", {"namespace": "team-a", "labels": {"drawbridge.dev/pool": "coder"}}, [POOL]),
        ("pods", {"namespace": "team-a", "labels": {"drawbridge.dev/pool": "coder"}}, [POOL]),
        ("configmaps", {"namespace": "team-a", "labels": {"drawbridge.dev/keys": "true"}}, [TENANT]),
        ("namespaces", {"namespace": None, "name": "team-a"}, [Key(KeyKind.NAMESPACE, "team-a")]),
    ],
)
async def test_an_event_becomes_its_keys_and_nothing_is_returned(
    plural: str, seen: dict[str, Any], keys: list[Key]
) -> None:
    added: list[Key] = []
    registry = kopf.OperatorRegistry()
    register_handlers(registry, added.append)
    [handler] = [h for h in registry._watching._handlers if h.selector and h.selector.any_name == plural]
    called: Any = handler.fn
    returned = await called(
        **seen, type="DELETED", body={}, spec={}, retry=0
    )  # and whatever else kopf passes
    assert returned is None, "kopf would write it into the object's status"
    assert added == keys


def test_kopf_has_no_handler_that_makes_it_write() -> None:
    registry = kopf.OperatorRegistry()
    register_handlers(registry, lambda _: None)
    assert len(registry._watching._handlers) == len(WATCHED)
    for writing in (registry._changing, registry._spawning, registry._indexing, registry._webhooks):
        assert writing._handlers == []


def test_kopf_is_told_to_write_nothing() -> None:
    settings = kopf_settings()
    assert not settings.posting.enabled
    assert settings.peering.standalone
    assert settings.scanning.disabled
    assert settings.persistence.finalizer != kopf.OperatorSettings().persistence.finalizer, (
        "kopf takes its own finalizer off whatever it sees: under the usual name, another operator's"
    )


def test_everything_but_our_own_resources_is_watched_by_label_and_secrets_never() -> None:
    assert {kind for kind, selector in WATCHED.items() if not selector} == {INFERENCE_POOL, ROUTING_POLICY}
    assert SECRET not in WATCHED
    assert len(kopf_settings().watching.label_selectors) == len(WATCHED) - 2
