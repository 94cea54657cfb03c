"""Bring the cluster up, keep it healthy, take it down.

`up` starts what does not run. A cluster that is healthy is used as it is; one that lost a process gets just
that process again; one that is not what the settings ask for, or is from before a reboot, is replaced. When
starting fails, everything that was started is stopped again.

`down` leaves nothing running, mounted or routed. It keeps keys (a copied kubeconfig stays valid), logs, and
containerd's images (importing them takes minutes); `down(purge=True)` removes these too.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.cluster import binaries
from tests.cluster.cache import locked
from tests.cluster.kubectl import wait_for
from tests.cluster.progress import step
from tests.cluster.source import certificates, containers, network, processes, system_images
from tests.cluster.source.configuration import (
    KUBECONFIG_USERS,
    SYSTEM_MANIFEST,
    Configuration,
    make_kubeconfig,
    render,
)
from tests.cluster.source.processes import Process, StartFailedError
from tests.cluster.source.settings import NODE_NAME, POD_RANGE, Settings

COMPONENTS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kube-router",
)
PROGRAMS = (*COMPONENTS, "coredns", "pause", "kubectl", "helm")

CNI_PLUGIN_FOLDERS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"))

READY_WITHIN_S = 120.0
"""For a machine that is busy with builds; on an idle one all is ready after about 7 s (2 cores)."""

STOP_GRACE_S = 10.0

EPHEMERAL = ("etcd", "kubelet", "addresses", "pod-logs", "volumes", "run", "cluster.json")
"""What `down` deletes below the state: all that belongs to one life of the cluster."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All that `up` needs to know before it touches anything."""

    settings: Settings
    programs: Mapping[str, Path]
    configuration: Configuration


def plan(settings: Settings) -> Plan:
    """Build what is missing and render the configuration; changes nothing outside the cache."""
    programs = binaries.build(PROGRAMS)
    containerd, plugins = shutil.which("containerd"), cni_plugins()
    if containerd is None or plugins is None:
        raise binaries.UnavailableError("containerd or its network plugins are not installed")
    executables = {**programs, "containerd": Path(containerd)}
    configuration = render(settings, executables, cni_plugins=plugins)
    return Plan(settings, programs, configuration)


def cni_plugins() -> Path | None:
    """Return the folder of the network plugins, where Debian or others put them; None when not installed."""
    return next((folder for folder in CNI_PLUGIN_FOLDERS if (folder / "bridge").exists()), None)


def up(wanted: Plan) -> None:
    """Make the cluster run as planned; see the module's text."""
    settings = wanted.settings
    settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(settings.state / "lock"):
        if reason := _why_replace(wanted):
            with step(f"stop the cluster that was there: {reason}"):
                _stop(settings)
        if not (settings.state / "run").exists():
            shutil.rmtree(settings.state / "log", ignore_errors=True)
        try:
            _start_missing(wanted)
        except BaseException:
            with step("stop what was started"):
                _stop(settings)
            raise


def down(settings: Settings, *, purge: bool = False) -> None:
    """End the cluster; does nothing where none is."""
    if not settings.state.exists():
        return
    with locked(settings.state / "lock"):
        _stop(settings)
    if purge:
        shutil.rmtree(settings.state)


def running(settings: Settings) -> dict[str, Process]:
    """Return the cluster's processes that are alive, by component."""
    found = {file.stem: processes.read_record(file) for file in (settings.state / "run").glob("*.json")}
    return {
        name: process for name, process in sorted(found.items()) if process and processes.is_alive(process)
    }


def is_ready(settings: Settings, kubectl: Path) -> bool:
    """Tell whether the API server is ready, the node is, and names resolve."""
    return _succeeds(settings, kubectl, "get", "--raw=/readyz") and all(
        _succeeds(settings, kubectl, "wait", f"--for=condition={condition}", name, "--timeout=0s", *more)
        for condition, name, *more in (
            ("Ready", f"node/{NODE_NAME}"),
            ("Available", "deployment/coredns", "--namespace=kube-system"),
        )
    )


def _why_replace(wanted: Plan) -> str:
    """Return why the cluster that is there cannot be used; empty when it can, or when there is none."""
    settings = wanted.settings
    described = settings.state / "cluster.json"
    if not described.exists():
        return "an unfinished start" if (settings.state / "run").exists() else ""
    was = json.loads(described.read_text())
    if was["boot_id"] != processes.boot_id():
        return "the machine was restarted"
    if was["configuration"] != wanted.configuration.as_text():
        return "another version or other settings are asked for"
    if stale := certificates.stale(settings.state / "certificates", datetime.now(UTC)):
        return f"certificates run out: {', '.join(stale)}"
    return ""


def _start_missing(wanted: Plan) -> None:
    settings, kubectl = wanted.settings, wanted.programs["kubectl"]
    alive = running(settings)
    if all(name in alive for name in wanted.configuration.commands) and is_ready(settings, kubectl):
        return
    with step("start the control plane"):
        network.prepare()
        _write_files(wanted)
        for name in ("etcd", "kube-apiserver", "containerd"):
            _start(wanted, name)
        with _watching(wanted):
            wait_for("containerd", lambda: containers.answers(settings), within_s=READY_WITHIN_S)
            _import_system_images(wanted)
            wait_for(
                "the API server",
                lambda: _succeeds(settings, kubectl, "get", "--raw=/readyz"),
                within_s=READY_WITHIN_S,
            )
    with step("start the node"):
        for name in wanted.configuration.commands:
            _start(wanted, name)
        with _watching(wanted):
            _kubectl(settings, kubectl, "apply", f"--filename={settings.state / SYSTEM_MANIFEST}")
            wait_for(
                "the node to register",
                lambda: _succeeds(settings, kubectl, "get", f"node/{NODE_NAME}"),
                within_s=READY_WITHIN_S,
            )
            patch = json.dumps({"spec": {"podCIDR": POD_RANGE, "podCIDRs": [POD_RANGE]}})
            _kubectl(settings, kubectl, "patch", f"node/{NODE_NAME}", f"--patch={patch}")
            wait_for("node and DNS", lambda: is_ready(settings, kubectl), within_s=READY_WITHIN_S)


def _write_files(wanted: Plan) -> None:
    state = wanted.settings.state
    certificates.renew(state / "certificates", datetime.now(UTC))
    files = dict(wanted.configuration.files)
    for user in (*KUBECONFIG_USERS, "admin"):
        files[state / f"{user}.kubeconfig"] = make_kubeconfig(state / "certificates", user)
    described = {"boot_id": processes.boot_id(), "configuration": wanted.configuration.as_text()}
    files[state / "cluster.json"] = json.dumps(described)
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(text)
    (state / "log").mkdir(exist_ok=True)


def _start(wanted: Plan, name: str) -> None:
    if name in running(wanted.settings):
        return
    processes.start(
        wanted.configuration.commands[name],
        record=wanted.settings.state / "run" / f"{name}.json",
        log=_log(wanted.settings, name),
    )


def _import_system_images(wanted: Plan) -> None:
    for name in ("pause", "coredns"):
        ref = system_images.image_ref(name, wanted.programs[name])
        if not containers.has_image(wanted.settings, ref):
            containers.import_image(wanted.settings, ref, system_images.archive(name, wanted.programs[name]))


def _stop(settings: Settings) -> None:
    alive = running(settings)
    was_up = (settings.state / "run").exists()
    processes.stop([process for name, process in alive.items() if name != "containerd"], grace_s=STOP_GRACE_S)
    containers.kill_all(settings)
    if containers.answers(settings):
        containers.forget_all(settings)
    processes.stop([process for name, process in alive.items() if name == "containerd"], grace_s=STOP_GRACE_S)
    containers.unmount_all(settings)
    if was_up:
        network.remove()
    for name in EPHEMERAL:
        path = settings.state / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


@contextmanager
def _watching(wanted: Plan) -> Iterator[None]:
    """Turn a wait that failed into the reason: the end of the log of the first component that is gone."""
    try:
        yield
    except (StartFailedError, TimeoutError, subprocess.CalledProcessError) as error:
        alive = running(wanted.settings)
        gone = [
            name
            for name in wanted.configuration.commands
            if name not in alive and _log(wanted.settings, name).exists()
        ]
        if not gone:
            raise
        raise StartFailedError(
            f"{gone[0]} ended; {processes.tail(_log(wanted.settings, gone[0]))}"
        ) from error


def _succeeds(settings: Settings, kubectl: Path, *arguments: str) -> bool:
    command = [str(kubectl), f"--kubeconfig={settings.kubeconfig}", "--request-timeout=5s", *arguments]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _kubectl(settings: Settings, kubectl: Path, *arguments: str) -> None:
    command = [str(kubectl), f"--kubeconfig={settings.kubeconfig}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StartFailedError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")


def _log(settings: Settings, name: str) -> Path:
    return settings.state / "log" / f"{name}.log"
