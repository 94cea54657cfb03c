"""A folder of YAML, checked and compiled: the very same resources as in a cluster. Pure.

Counted are InferencePool, RoutingPolicy, ConfigMaps (API keys, certificates), a Namespace (its privacy
floor), and endpoints.yaml, which says what a cluster would know by itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from drawbridge_crds.api_keys import ApiKeyEntry, parse_keys, without_secrets
from drawbridge_crds.compile import TenantFacts, compile_snapshot
from drawbridge_crds.names import KEYS_LABEL
from drawbridge_crds.policy import RoutingPolicy
from drawbridge_crds.pool import InferencePool
from drawbridge_crds.privacy import Privacy, namespace_floor, stricter
from drawbridge_crds.rules import Metadata, SpecModel
from drawbridge_crds.snapshot import GatewaySnapshot
from pydantic import ValidationError

from drawbridge_gateway.errors import DrawbridgeError
from drawbridge_gateway.sources.endpoints_file import EndpointsFile
from drawbridge_gateway.validation import readable
from drawbridge_gateway.yaml_text import read_yaml

ENDPOINTS_FILE: Final = "endpoints.yaml"

DEFAULT_NAMESPACE: Final = "default"
"""Of resources that name none, as kubectl would put them."""

COUNTED_KINDS: Final = frozenset({"InferencePool", "RoutingPolicy", "ConfigMap", "Namespace"})

Model = TypeVar("Model", bound=SpecModel)


class FolderError(DrawbridgeError):
    """A folder that cannot be used. Names file, object and field, and says what to write."""


@dataclass(frozen=True, slots=True)
class Folder:
    """What a folder says."""

    snapshot: GatewaySnapshot
    endpoints: EndpointsFile
    findings: tuple[str, ...]
    """What a person should mend; the rest works."""


@dataclass(frozen=True, slots=True)
class _Document:
    """One YAML document, its metadata a map with at most a name of text."""

    file: str
    where: str
    """For people: its file, kind and name."""

    kind: str
    value: Mapping[str, Any]
    labels: Mapping[str, str]
    data: Mapping[str, str]
    """Of a ConfigMap."""


def read_folder(files: Mapping[str, str], known_pools: Sequence[str] = ()) -> Folder:
    """Compile a folder from the texts of its files, by name; `known_pools` are those of its last snapshot.

    Raises:
        FolderError: for the first thing that cannot be understood.
    """
    documents = [
        document
        for name in sorted(files)
        if name != ENDPOINTS_FILE
        for document in _documents(name, files[name])
    ]
    _refuse_doubles(documents)
    pools = [_parse(document, InferencePool) for document in documents if document.kind == "InferencePool"]
    policies = [_parse(document, RoutingPolicy) for document in documents if document.kind == "RoutingPolicy"]
    keys, invalid_keys = _keys(documents)
    facts = TenantFacts(
        tenant=_tenant([*pools, *policies]),
        floor=_floor(documents),
        pools=pools,
        policy=policies[0] if policies else None,
        known_pools=known_pools,
        keys=keys,
        ca_bundles=_ca_bundles(documents),
    )
    compiled = compile_snapshot(facts)
    endpoints = _endpoints(files.get(ENDPOINTS_FILE, ""))
    findings = (
        *(
            f"{document.where} is not used here"
            for document in documents
            if document.kind not in COUNTED_KINDS
        ),
        *(finding.message for finding in compiled.findings),
        *(f'entry "{without_secrets(name)}" is no API key and opens nothing' for name in invalid_keys),
        *_gaps(compiled.snapshot, endpoints),
    )
    return Folder(compiled.snapshot, endpoints, findings)


def _documents(name: str, text: str) -> Iterator[_Document]:
    for number, value in enumerate(_yaml_documents(name, text), start=1):
        if value is None:
            continue
        kind = value.get("kind") if isinstance(value, dict) else None
        metadata = value.get("metadata") if isinstance(value, dict) else None
        if not isinstance(kind, str) or not isinstance(metadata, dict):
            raise FolderError(
                f"{name}, document {number}: not a Kubernetes object: write apiVersion, kind and metadata"
            )
        if not isinstance(metadata.get("name", ""), str):
            raise FolderError(f"{name}: {kind}, document {number}: metadata.name: must be a text")
        where = f'{name}: {kind} "{metadata.get("name", "")}"'
        labels = _texts(where, "metadata.labels", metadata.get("labels"))
        data = _texts(where, "data", value.get("data")) if kind == "ConfigMap" else {}
        yield _Document(name, where, kind, value, labels, data)


def _texts(where: str, field: str, value: Any) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise FolderError(f"{where}: {field}: must be a map of texts")
    return {str(key): str(text) for key, text in value.items()}


def _refuse_doubles(documents: Sequence[_Document]) -> None:
    """Refuse a resource that is there twice: which one counts would depend on the names of files."""
    seen: dict[tuple[str, Any], _Document] = {}
    for document in documents:
        if document.kind in COUNTED_KINDS:
            first = seen.setdefault((document.kind, document.value["metadata"].get("name")), document)
            if first is not document:
                raise FolderError(f"{document.where} is also in {first.file}: keep one of them")


def _yaml_documents(name: str, text: str) -> list[Any]:
    try:
        return read_yaml(text)
    except ValueError as error:
        raise FolderError(f"{name}: not YAML: {error}") from error


def _parse(document: _Document, model: type[Model]) -> Model:
    try:
        return model.read(document.value)
    except ValidationError as error:
        raise FolderError(f"{document.where}: {readable(error)}") from error


def _tenant(resources: Sequence[InferencePool | RoutingPolicy]) -> str:
    namespaces = sorted({_namespace(resource.metadata) for resource in resources})
    if not namespaces:
        raise FolderError("there is neither an InferencePool nor a RoutingPolicy here: write at least a pool")
    if len(namespaces) > 1:
        raise FolderError(f"one folder is one tenant, these are several namespaces: {', '.join(namespaces)}")
    return namespaces[0]


def _namespace(metadata: Metadata) -> str:
    return metadata.namespace or DEFAULT_NAMESPACE


def _floor(documents: Sequence[_Document]) -> Privacy:
    # of whatever namespace: one that is misnamed must not open what it was meant to close
    return stricter(
        *(namespace_floor(document.labels) for document in documents if document.kind == "Namespace")
    )


def _holds_keys(document: _Document) -> bool:
    return document.kind == "ConfigMap" and document.labels.get(KEYS_LABEL) == "true"


def _keys(documents: Sequence[_Document]) -> tuple[dict[str, ApiKeyEntry], tuple[str, ...]]:
    return parse_keys(
        {k: v for document in documents if _holds_keys(document) for k, v in document.data.items()}
    )


def _ca_bundles(documents: Sequence[_Document]) -> dict[tuple[str, str], str]:
    return {
        (document.value["metadata"].get("name", ""), key): text
        for document in documents
        if document.kind == "ConfigMap" and not _holds_keys(document)
        for key, text in document.data.items()
    }


def _endpoints(text: str) -> EndpointsFile:
    documents = [value for value in _yaml_documents(ENDPOINTS_FILE, text) if value is not None]
    try:
        return EndpointsFile.model_validate(documents[0] if documents else {})
    except ValidationError as error:
        raise FolderError(f"{ENDPOINTS_FILE}: {readable(error)}") from error


def _gaps(snapshot: GatewaySnapshot, endpoints: EndpointsFile) -> Iterator[str]:
    """Find what the resources name and endpoints.yaml does not, and the reverse."""
    names = {pool.name for pool in snapshot.pools}
    for name in sorted(names - endpoints.pools.keys()):
        yield f'pool "{name}" has no address: add pools.{name}.addresses to {ENDPOINTS_FILE}'
    for name in sorted(endpoints.pools.keys() - names):
        yield f"{ENDPOINTS_FILE}: pools.{name} belongs to no InferencePool: correct the name, or remove it"
    for cloud in snapshot.clouds:
        ref = cloud.secret_key_ref
        if ref.key not in endpoints.secrets.get(ref.name, {}):
            yield (
                f'cloud "{cloud.name}" has no key: add secrets.{ref.name}.{ref.key} to {ENDPOINTS_FILE}, '
                "such as {env: VARIABLE}"
            )
    if not snapshot.keys:
        yield "there is no API key, so nobody is let in: make one, drawbridge keys create NAME --file FILE"
