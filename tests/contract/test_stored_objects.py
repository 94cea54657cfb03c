"""What any released version stored is still read, and kept, by this one.

stored/VERSION/ holds objects as the API server had them under that version. A release adds a folder
(`UPDATE_STORED=1` writes that of the present version); none is changed or removed while the API
version is served.
"""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.contract.resources import CASES, KINDS, created, resource

if TYPE_CHECKING:
    from tests.cluster.interface import Cluster

STORED = Path(__file__).parent / "stored"
FILES = sorted(STORED.glob("*/*.yaml"))
RICHEST = {"smallest": 0, "everything": 1}
"""Which of the rule cases are stored, by their place in the file."""


def _read(file: Path) -> Any:
    return yaml.safe_load(file.read_text())


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}: {file.stem}")
def test_pydantic_reads_it(file: Path) -> None:
    stored = _read(file)
    model, _ = KINDS[stored["kind"].lower()]
    model.read(stored)


@pytest.mark.cluster
@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}: {file.stem}")
def test_the_api_server_keeps_it_whole(file: Path, api_server: Cluster) -> None:
    stored = _read(file)
    kept = created(api_server, stored)["spec"]
    assert _common(kept, stored["spec"]) == stored["spec"]


@pytest.mark.cluster
def test_the_present_version_is_among_them(api_server: Cluster) -> None:
    folder = STORED / version("drawbridge-crds")
    if os.environ.get("UPDATE_STORED"):
        _write(folder, api_server)
    assert {file.stem for file in folder.glob("*.yaml")} == {f"{k}-{name}" for k in KINDS for name in RICHEST}


def _common(new: Any, old: Any) -> Any:
    """Leave out of `new` the fields that a later version added."""
    if isinstance(new, dict) and isinstance(old, dict):
        return {key: _common(value, old[key]) for key, value in new.items() if key in old}
    if isinstance(new, list) and isinstance(old, list) and len(new) == len(old):
        return [_common(*pair) for pair in zip(new, old, strict=True)]
    return new


def _write(folder: Path, cluster: Cluster) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        cases = _read(CASES / f"{kind}.yaml")
        for name, index in RICHEST.items():
            whole = created(cluster, resource(kind, cases[index]["spec"]))
            for field in ("creationTimestamp", "uid", "managedFields", "generation"):
                whole["metadata"].pop(field, None)
            (folder / f"{kind}-{name}.yaml").write_text(yaml.safe_dump(whole, sort_keys=False, width=110))
