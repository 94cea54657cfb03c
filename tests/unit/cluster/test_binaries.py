from pathlib import Path

import pytest

from tests.cluster import binaries
from tests.cluster.interface import NoClusterError


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two small module folders, and a cache of our own."""
    for folder, required in {
        "kubernetes": "require k8s.io/kubernetes v1.36.3 // indirect",
        "helm": "require (\n\thelm.sh/helm v0.1.0 // indirect\n\thelm.sh/helm/v4 v4.3.1 // indirect\n)",
        "pause": "",
    }.items():
        (tmp_path / "go" / folder).mkdir(parents=True)
        (tmp_path / "go" / folder / "go.mod").write_text(f"module example\n\ngo 1.26.0\n\n{required}\n")
    monkeypatch.setattr(binaries, "SOURCES", tmp_path / "go")
    monkeypatch.setenv("DRAWBRIDGE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "go"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("kubectl", "v1.36.3", id="the version of the module that holds the package"),
        pytest.param("helm", "v4.3.1", id="the longest module path wins"),
        pytest.param("pause", "v0", id="our own program has none"),
    ],
)
@pytest.mark.usefixtures("sources")
def test_a_version_is_read_from_go_mod(name: str, expected: str) -> None:
    assert binaries.version(name) == expected


@pytest.mark.usefixtures("sources")
def test_kubernetes_is_told_its_version_by_the_linker() -> None:
    flags = binaries.link_flags("kubelet")
    assert "-X k8s.io/component-base/version.gitVersion=v1.36.3" in flags
    assert "-X k8s.io/client-go/pkg/version.gitMinor=36" in flags
    assert binaries.link_flags("helm") == "-s -w"


def test_another_version_has_another_place_in_the_cache_and_nothing_else_moves(sources: Path) -> None:
    before = {name: binaries._entry(binaries.PROGRAMS[name]) for name in ("helm", "kubectl")}
    module_file = sources / "helm" / "go.mod"
    module_file.write_text(module_file.read_text().replace("v4.3.1", "v4.3.2"))
    assert binaries._entry(binaries.PROGRAMS["helm"]) != before["helm"]
    assert binaries._entry(binaries.PROGRAMS["kubectl"]) == before["kubectl"]


def test_what_is_in_the_cache_is_not_built_again(sources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entry = binaries._entry(binaries.PROGRAMS["helm"])
    assert not binaries.is_built("helm")
    entry.mkdir(parents=True)
    assert sources.exists()
    assert binaries.build(["helm"]) == {"helm": entry / "helm"}
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param("go version go1.26.8 linux/amd64", (1, 26, 8), id="a release"),
        pytest.param("go version go1.27 linux/amd64", (1, 27), id="a first release"),
        pytest.param("no such thing", (), id="something else is older than any"),
    ],
)
def test_the_version_of_go_is_read_as_numbers(told: str, expected: tuple[int, ...], tmp_path: Path) -> None:
    executable = tmp_path / "go"
    executable.write_text(f"#!/bin/sh\necho '{told}'\n")
    executable.chmod(0o755)
    assert binaries._go_version(executable) == expected


@pytest.mark.usefixtures("sources")
def test_without_any_go_and_without_uv_the_remedy_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setenv("DRAWBRIDGE_CACHE", str(tmp_path / "cache"))
    with pytest.raises(NoClusterError, match=r"no uv: run tests/bootstrap\.sh"):
        binaries.go()


def test_the_committed_module_files_cover_all_programs_and_pin_a_version() -> None:
    for program in binaries.PROGRAMS.values():
        assert (binaries.SOURCES / program.folder / "go.mod").is_file()
        assert (binaries.version(program.name) == "v0") is (program.name == "pause")
