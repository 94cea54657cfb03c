from pathlib import Path

import pytest

from tests.cluster.images import local_engine
from tests.cluster.images.local_engine import LocalEngine

UV = """#!/bin/sh
set -eu
echo "$@" >> "$0.calls"
packages=$UV_PROJECT_ENVIRONMENT/lib/python3.11/site-packages
mkdir -p "$UV_PROJECT_ENVIRONMENT/bin" "$packages/torch/lib" "$packages/torch/include"
mkdir -p "$packages/nvidia/cu13/lib"
touch "$UV_PROJECT_ENVIRONMENT/bin/python" "$packages/torch/lib/libtorch_global_deps.so"
touch "$packages/nvidia/cu13/lib/libcudart.so.13" "$packages/nvidia/cu13/lib/libcudart_static.a"
"""
"""Leaves what `uv sync` would leave, as far as install.sh touches it."""


@pytest.fixture
def uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DRAWBRIDGE_CACHE", str(tmp_path / "cache"))
    program = tmp_path / "uv"
    program.write_text(UV)
    program.chmod(0o755)
    monkeypatch.setenv("UV", str(program))
    return program


@pytest.fixture
def engine(uv: Path) -> LocalEngine:  # noqa: ARG001 - it is used through the environment
    return local_engine.prepare()


@pytest.fixture
def packages(engine: LocalEngine) -> Path:
    return engine.python.parents[1] / "lib/python3.11/site-packages"


def test_the_locked_packages_are_installed_once(engine: LocalEngine, uv: Path) -> None:
    assert engine == local_engine.prepare()
    (call,) = Path(f"{uv}.calls").read_text().splitlines()
    assert call.split()[0] == "sync"
    assert "--frozen" in call.split()
    assert engine.python.is_file()


def test_there_is_a_model(engine: LocalEngine) -> None:
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {
        file.name for file in engine.model.iterdir()
    }


def test_libraries_that_torch_is_linked_against_can_all_be_opened(packages: Path) -> None:
    links = [file for file in (packages / "torch/lib").iterdir() if file.is_symlink()]
    assert len(links) == 13
    assert all(link.samefile(packages / "torch/lib/libtorch_global_deps.so") for link in links)


def test_the_stand_ins_are_among_the_packages(packages: Path) -> None:
    found = {file.relative_to(packages).as_posix() for file in packages.rglob("*")}
    assert {"cpu_engine.pth", "cpu_engine.py", "sgl_kernel/__init__.py", "triton/__init__.py"} <= found


def test_what_only_compilers_need_is_gone_and_the_cuda_runtime_stays(packages: Path) -> None:
    assert not (packages / "torch/include").exists()
    assert [file.name for file in (packages / "nvidia/cu13/lib").iterdir()] == ["libcudart.so.13"]


def test_uv_is_found_where_the_bootstrap_puts_it(
    uv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bootstrapped = tmp_path / "cache" / "uv" / "1.2.3" / "bin" / "uv"
    bootstrapped.parent.mkdir(parents=True)
    uv.rename(bootstrapped)
    monkeypatch.delenv("UV")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert local_engine.prepare().python.is_file()
