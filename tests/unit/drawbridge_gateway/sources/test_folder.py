"""A folder of YAML: what it compiles to, and what it says when it does not."""

import contextlib
import re

import pytest
from drawbridge_crds.privacy import Privacy
from drawbridge_gateway.sources.folder import FolderError, read_folder
from drawbridge_gateway.upstream.balance import Endpoint

from tests.unit.drawbridge_gateway.sources.folders import CA, ENDPOINTS, KEYS, POLICY, POOL, WHOLE


def test_whole_folder() -> None:
    folder = read_folder(WHOLE)

    assert folder.findings == ()
    assert folder.snapshot.tenant == "default"
    assert [pool.name for pool in folder.snapshot.pools] == ["coder"]
    assert [cloud.ca_bundle_pem for cloud in folder.snapshot.clouds] == ["PEM"]
    assert list(folder.snapshot.keys) == ["abcdefghijklmnop"]
    assert folder.endpoints.pools["coder"].endpoints() == [
        Endpoint("127.0.0.1", 8000), Endpoint("::1", 8001), Endpoint("engine.local", 8002)
    ]  # fmt: skip


def test_pool_alone_is_enough() -> None:
    folder = read_folder({"a.yaml": POOL})

    assert folder.snapshot.models == ("coder",)
    assert folder.snapshot.routes == ()


def test_order_and_split_of_files_do_not_matter() -> None:
    joined = {"z.yaml": f"{KEYS}---{CA}---{POLICY}---{POOL}", "endpoints.yaml": ENDPOINTS}

    assert read_folder(joined).snapshot == read_folder(WHOLE).snapshot


def namespace(name: str, floor: str) -> str:
    labels = f"{{drawbridge.dev/privacy-floor: {floor}}}"
    return f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}, labels: {labels}}}"


@pytest.mark.parametrize(
    "namespaces",
    [
        pytest.param({"d.yaml": namespace("default", "strict")}, id="its own"),
        pytest.param({"d.yaml": namespace("defualt", "strict")}, id="misnamed"),
        pytest.param(
            {"d.yaml": namespace("default", "strict"), "e.yaml": namespace("other", "standard")},
            id="beside another one's, which is lower",
        ),
    ],
)
def test_namespace_brings_its_floor(namespaces: dict[str, str]) -> None:
    snapshot = read_folder({**WHOLE, **namespaces}).snapshot

    assert snapshot.privacy is Privacy.STRICT
    assert snapshot.clouds == ()


CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        pytest.param({"a.yaml": "a: [1"}, "a.yaml: not YAML", id="not YAML"),
        pytest.param(
            {"a.yaml": "just a text"}, "a.yaml, document 1: not a Kubernetes object", id="not an object"
        ),
        pytest.param({"a.yaml": POOL + "---\nkind: X"}, "a.yaml, document 2", id="without metadata"),
        pytest.param(
            {"a.yaml": POOL.replace("claimName", "claimname")},
            "spec.model.source.persistentVolumeClaim.claimname: there is no such field",
            id="an unknown field, by its path",
        ),
        pytest.param(
            {"a.yaml": POOL.replace("claimName: weights", "")},
            'a.yaml: InferencePool "coder": spec.model.source.persistentVolumeClaim.claimName: is required',
            id="a field that is missing, by its path",
        ),
        pytest.param(
            {"b.yaml": POLICY.replace("provider: OpenAI", "provider: OpenAICompatible")},
            'b.yaml: RoutingPolicy "default": spec.clouds[0]: provider OpenAICompatible needs a baseURL',
            id="a rule, in its own words",
        ),
        pytest.param(
            {"b.yaml": POLICY.replace("default", "other", 1)}, "must be named 'default'", id="another name"
        ),
        pytest.param(
            {"d.yaml": POLICY},
            'd.yaml: RoutingPolicy "default" is also in b.yaml: keep one of them',
            id="two policies",
        ),
        pytest.param(
            {"d.yaml": f"{POOL}  privacy: Strict\n"},
            'd.yaml: InferencePool "coder" is also in a.yaml: keep one of them',
            id="two pools of one name",
        ),
        pytest.param(
            {"b.yaml": POLICY.replace("secretKeyRef", "secret_key_ref")},
            "secret_key_ref: there is no such field",
            id="a field's name in Python's style",
        ),
        pytest.param(
            {"b.yaml": POLICY.replace("{name: default}", "{name: default, namespace: team-b}")},
            "one folder is one tenant, these are several namespaces: default, team-b",
            id="two namespaces",
        ),
        pytest.param({"a.yaml": "", "b.yaml": ""}, "write at least a pool", id="nothing to serve"),
        pytest.param(
            {"endpoints.yaml": "pools: {coder: {addresses: [localhost]}}"},
            'endpoints.yaml: pools.coder.addresses[0]: "localhost" is not an address: write host:port',
            id="an address without a port",
        ),
        pytest.param(
            {"endpoints.yaml": "pools: {coder: {addresses: ['a:70000']}}"},
            "is not an address",
            id="a port that is none",
        ),
        pytest.param(
            {"endpoints.yaml": "secrets: {keys: {openai: sk-123}}"},
            "endpoints.yaml: secrets.keys.openai: ",
            id="a key in it",
        ),
        pytest.param(
            {"endpoints.yaml": "secrets: {keys: {openai: {env: A, file: b}}}"},
            "either {env: VARIABLE} or {file: PATH}",
            id="two origins",
        ),
        pytest.param({"endpoints.yaml": "- a"}, "endpoints.yaml: ", id="a list"),
        pytest.param(
            {"c.yaml": f"{CONFIG_MAP}\nmetadata: {{name: x}}\ndata: |\n  a text"},
            'c.yaml: ConfigMap "x": data: must be a map of texts',
            id="data that is a text",
        ),
        pytest.param(
            {"c.yaml": f"{CONFIG_MAP}\nmetadata: {{name: x, labels: [a]}}"},
            'c.yaml: ConfigMap "x": metadata.labels: must be a map of texts',
            id="labels that are a list",
        ),
        pytest.param(
            {"c.yaml": f"{CONFIG_MAP}\nmetadata: {{name: [x]}}"},
            "c.yaml: ConfigMap, document 1: metadata.name: must be a text",
            id="a name that is a list",
        ),
        pytest.param({"c.yaml": "a: 2026-13-45"}, "c.yaml: not YAML: month must be", id="no such day"),
    ],
)
def test_what_is_wrong_is_said(changed: dict[str, str], words: str) -> None:
    with pytest.raises(FolderError, match=re.escape(words)) as caught:
        read_folder({**WHOLE, **changed})
    assert "sk-123" not in str(caught.value)


SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: x}"


@pytest.mark.parametrize(
    ("changed", "finding"),
    [
        pytest.param(
            {"endpoints.yaml": "secrets: {keys: {openai: {env: A}}}"},
            'pool "coder" has no address',
            id="no address",
        ),
        pytest.param(
            {"endpoints.yaml": ENDPOINTS.replace("coder", "codr")},
            "pools.codr belongs to no",
            id="another pool",
        ),
        pytest.param(
            {"endpoints.yaml": ENDPOINTS.replace("openai", "opnai")}, 'cloud "gpt" has no key', id="no key"
        ),
        pytest.param({"c.yaml": KEYS}, 'cloud "gpt" is not used: ConfigMap "cloud-ca"', id="no certificates"),
        pytest.param({"c.yaml": CA}, "nobody is let in", id="no API key"),
        pytest.param(
            {"c.yaml": f"{CA}---{KEYS.replace('name', 'nam')}"}, "is no API key", id="a broken API key"
        ),
        pytest.param({"d.yaml": SECRET}, 'd.yaml: Secret "x" is not used here', id="another kind"),
    ],
)
def test_what_should_be_mended_is_found_and_the_rest_works(changed: dict[str, str], finding: str) -> None:
    folder = read_folder({**WHOLE, **changed})

    assert [found for found in folder.findings if finding in found]
    assert folder.snapshot.models == ("auto", "coder")


PLACES = [
    "{v}",
    "kind: {v}\nmetadata: {{name: x}}",
    "kind: Secret\nmetadata: {v}",
    "kind: Namespace\nmetadata: {{name: {v}}}",
    "kind: Namespace\nmetadata: {{name: x, labels: {v}}}",
    "kind: Namespace\nmetadata: {{name: x, labels: {{drawbridge.dev/privacy-floor: {v}}}}}",
    "kind: InferencePool\nmetadata: {{name: x, namespace: {v}}}",
    "kind: InferencePool\nmetadata: {{name: x}}\nspec: {{model: {v}}}",
    "kind: RoutingPolicy\nmetadata: {{name: default}}\nspec: {v}",
    "kind: RoutingPolicy\nmetadata: {{name: default}}\nspec: {{models: {v}, routes: {v}, clouds: {v}}}",
    "kind: ConfigMap\nmetadata: {{{v}: x}}",
    "kind: ConfigMap\nmetadata: {{name: x}}\ndata: {v}",
    "kind: ConfigMap\nmetadata: {{name: x}}\ndata: {{{v}: {v}}}",
    "kind: ConfigMap\nmetadata: {{name: x, labels: {{drawbridge.dev/keys: 'true'}}}}\ndata: {{a: {v}}}",
]

ENDPOINT_PLACES = ["{v}", "pools: {v}", "pools: {{coder: {v}}}", "secrets: {v}", "secrets: {{a: {{b: {v}}}}}"]

VALUES = [
    "", "null", "7", "-1.5", ".nan", "true", "text", "''", "[a]", "[[]]", "{a: b}", "{1: {2: 3}}",
    "|\n  a text", "2026-11-22", "2026-13-45", "2026-11-22T25:61:00Z", "!!bool x", "!!int ''",
    "!!timestamp x", "!!set {a}", "!!binary x", "!!python/object:os.system x", "&a [*a]", "&a {b: *a}",
    '"\\ud800"', '"\\0"', "*a", "? x",
    "[" * 500,
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES)
def test_whatever_is_written_anywhere_is_told_or_works(value: str) -> None:
    for file, places in (("b.yaml", PLACES), ("endpoints.yaml", ENDPOINT_PLACES)):
        for place in places:
            with contextlib.suppress(FolderError):
                read_folder({"a.yaml": POOL, file: place.format(v=value)})


@pytest.mark.parametrize("value", VALUES)
def test_whatever_is_written_as_certificates_is_told_or_works(value: str) -> None:
    with contextlib.suppress(FolderError):
        read_folder({**WHOLE, "c.yaml": CA.replace("PEM", value)})
