"""What any released version stored is still read, and kept, by this one.

stored/VERSION/ holds objects as the API server had them under that version. A release adds its folder
(`UPDATE_STORED=1` writes that of the present version) and its files to stored/SHA256SUMS: they are not
changed while the API version is served.
"""

from __future__ import annotations

import hashlib
import os
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.contract.resources import CASES, KINDS, created, leaves, resource, spec_rows

if TYPE_CHECKING:
    from tests.cluster.interface import Cluster

STORED = Path(__file__).parent / "stored"
SUMS = "SHA256SUMS"
FILES = sorted(STORED.glob("*/*.yaml"))
PRESENT = version("drawbridge-crds")

STORED_CASES = {
    "inferencepool": {
        "smallest": "the smallest pool",
        "everything": "every field",
        "external": "a downloaded model, scaled from outside, on chosen nodes",
    },
    "routingpolicy": {"smallest": "the smallest policy", "everything": "every field"},
}
"""Which of the rule cases are stored, by the name of the file."""

WITH_STATUS = "everything"
"""The files that have the status of cases/status.yaml too."""


def _read(file: Path) -> Any:
    return yaml.safe_load(file.read_text())


def _spec_of_case(kind: str, name: str) -> dict[str, Any]:
    [spec] = [
        case["spec"] for case in _read(CASES / f"{kind}.yaml") if case["case"] == STORED_CASES[kind][name]
    ]
    assert isinstance(spec, dict)
    return spec


PRESENT_FILES = [
    pytest.param(kind, name, id=f"{kind}-{name}") for kind in KINDS for name in STORED_CASES[kind]
]


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}: {file.stem}")
def test_pydantic_reads_it(file: Path) -> None:
    stored = _read(file)
    model, _ = KINDS[stored["kind"].lower()]
    read = model.read(stored).model_dump(mode="json", by_alias=True)
    assert _common(read["status"], stored.get("status", {})) == stored.get("status", {})


@pytest.mark.cluster
@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}: {file.stem}")
def test_the_api_server_keeps_it_whole(file: Path, api_server: Cluster) -> None:
    stored = _read(file)
    kept = created(api_server, stored)["spec"]
    assert _common(kept, stored["spec"]) == stored["spec"]


@pytest.mark.cluster
@pytest.mark.parametrize(("kind", "name"), PRESENT_FILES)
def test_the_present_version_is_as_the_api_server_stores_it(
    kind: str, name: str, api_server: Cluster
) -> None:
    file = STORED / PRESENT / f"{kind}-{name}.yaml"
    stored = _stored(kind, name, api_server)
    if os.environ.get("UPDATE_STORED"):
        _write(file, stored)
    assert _read(file) == stored


def test_the_present_version_is_among_them() -> None:
    found = {file.stem for file in (STORED / PRESENT).iterdir()}
    assert found == {f"{kind}-{name}" for kind, names in STORED_CASES.items() for name in names}


@pytest.mark.parametrize(("kind", "name"), PRESENT_FILES)
def test_the_present_version_has_all_of_its_case(kind: str, name: str) -> None:
    spec = _spec_of_case(kind, name)
    stored = _read(STORED / PRESENT / f"{kind}-{name}.yaml")
    assert _common(stored["spec"], spec) == spec
    assert stored.get("status") == _status(kind, name)


@pytest.mark.parametrize("kind", KINDS)
def test_the_present_version_has_every_field(kind: str) -> None:
    stored = [
        _read(file) for file in FILES if file.parent.name == PRESENT and file.stem.startswith(f"{kind}-")
    ]
    shown_at = {row.path: row.same_as for row in spec_rows(kind) if row.same_as}
    paths = {path for whole in stored for path in _paths(whole["spec"], "", shown_at)}
    assert sorted(leaves(kind) - set(shown_at) - paths) == []
    model, _ = KINDS[kind]
    [status] = [whole["status"] for whole in stored if "status" in whole]
    known = model.read(stored[0] | {"status": status}).model_dump(mode="json", by_alias=True)["status"]
    assert known == status


def _paths(value: Any, path: str, shown_at: dict[str, str]) -> set[str]:
    """Return the paths of a value and of all in it; a part that occurs twice has that where it is shown."""
    path = shown_at.get(path, path)
    found = {path}
    if isinstance(value, dict):
        for key, inner in value.items():
            found |= _paths(inner, f"{path}.{key}".lstrip("."), shown_at)
    elif isinstance(value, list):
        for inner in value:
            found |= _paths(inner, f"{path}[]", shown_at)
    return found


def test_what_was_released_is_unchanged() -> None:
    assert _changed(STORED, PRESENT) == [], "a release adds its folder: sha256sum VERSION/* >> SHA256SUMS"


@pytest.mark.parametrize(
    ("sums", "present", "changed"),
    [
        pytest.param({}, "0.1.0", [], id="the present version is not released yet"),
        pytest.param({}, "0.2.0", ["0.1.0/a.yaml"], id="of an older version nothing is told"),
        pytest.param({"0.1.0/a.yaml": "a: 1\n"}, "0.2.0", [], id="as it was"),
        pytest.param({"0.1.0/a.yaml": "a: 2\n"}, "0.2.0", ["0.1.0/a.yaml"], id="edited"),
        pytest.param({"0.1.0/a.yaml": "a: 2\n"}, "0.1.0", ["0.1.0/a.yaml"], id="edited after its release"),
        pytest.param(
            {"0.1.0/a.yaml": "a: 1\n", "0.1.0/b.yaml": ""}, "0.2.0", ["0.1.0/b.yaml"], id="one was removed"
        ),
    ],
)
def test_an_edit_of_what_was_released_is_found(
    sums: dict[str, str], present: str, changed: list[str], tmp_path: Path
) -> None:
    (tmp_path / "0.1.0").mkdir()
    (tmp_path / "0.1.0/a.yaml").write_text("a: 1\n")
    lines = [f"{hashlib.sha256(text.encode()).hexdigest()}  {name}\n" for name, text in sums.items()]
    (tmp_path / SUMS).write_text("".join(lines))
    assert _changed(tmp_path, present) == changed


def _changed(stored: Path, present: str) -> list[str]:
    """List the files of released versions that are not as SHA256SUMS says, or that it does not know."""
    lines = (stored / SUMS).read_text().splitlines()
    told = {name: digest for digest, name in (line.split("  ") for line in lines)}
    files = {str(file.relative_to(stored)): file for file in stored.glob("*/*.yaml")}
    now = {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()}
    unreleased = {name for name in now if name not in told and name.startswith(f"{present}/")}
    return sorted(name for name in (told | now).keys() - unreleased if told.get(name) != now.get(name))


def _common(new: Any, old: Any) -> Any:
    """Leave out of `new` the fields that a later version added."""
    if isinstance(new, dict) and isinstance(old, dict):
        return {key: _common(value, old[key]) for key, value in new.items() if key in old}
    if isinstance(new, list) and isinstance(old, list) and len(new) == len(old):
        return [_common(*pair) for pair in zip(new, old, strict=True)]
    return new


def _status(kind: str, name: str) -> Any:
    return _read(CASES / "status.yaml")[kind] if name == WITH_STATUS else None


def _stored(kind: str, name: str, cluster: Cluster) -> dict[str, Any]:
    """Return what the API server makes of a case, and the status, which it takes from the operator alone."""
    whole = created(cluster, resource(kind, _spec_of_case(kind, name)))
    for field in ("creationTimestamp", "uid", "managedFields", "generation"):
        whole["metadata"].pop(field, None)
    status = _status(kind, name)
    return whole if status is None else whole | {"status": status}


def _write(file: Path, stored: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(stored, sort_keys=False, width=110))
