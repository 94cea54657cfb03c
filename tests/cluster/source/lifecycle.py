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
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.cluster import binaries
from tests.cluster.cache import locked
from tests.cluster.interface import NoClusterError
from tests.cluster.kubectl import wait_for
from tests.cluster.progress import step
from tests.cluster.source import certificates, containers, leftovers, network, processes, system_images
from tests.cluster.source.configuration import (
    KUBECONFIG_USERS,
    SYSTEM_MANIFEST,
    Configuration,
    make_kubeconfig,
    render,
)
from tests.cluster.source.processes import Process, StartFailedError
from tests.cluster.source.settings import NODE_NAME, POD_RANGE, Settings

BUILT = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kube-router",
)
COMPONENTS = (*BUILT, "containerd")
PROGRAMS = (*BUILT, "coredns", "pause", "kubectl", "helm")

CNI_PLUGIN_FOLDERS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"))

READY_WITHIN_S = 120.0
"""For a machine that is busy with builds; on an idle one all is ready after about 7 s (2 cores)."""

STOP_GRACE_S = 3.0
"""Little, since nothing that they could still write down is kept."""

STOP_ORDER = (
    ("kube-router", "kube-proxy", "kubelet", "kube-scheduler", "kube-controller-manager"),
    ("kube-apiserver",),
    ("etcd", "containerd"),
)
"""Clients before their servers: an API server that lost etcd, or still has clients, takes a minute to end."""

MARKER = "cluster.json"
"""Describes the cluster; written before anything starts and deleted when nothing is left of it."""

EPHEMERAL = ("etcd", "kubelet", "addresses", "pod-logs", "volumes", "run")
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
        raise NoClusterError("containerd or its network plugins are not installed")
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
        if not (settings.state / MARKER).exists():
            shutil.rmtree(settings.state / "log", ignore_errors=True)
        mends = (settings.state / MARKER).exists()
        try:
            _start_or_stop(wanted)
        except (StartFailedError, TimeoutError):
            if not mends:
                raise
            _start_or_stop(wanted)  # what could not be mended is gone now, so it is made anew


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


def _start_or_stop(wanted: Plan) -> None:
    try:
        _start_missing(wanted)
    except BaseException:  # also when a person interrupts
        with step("stop what was started"):
            _stop(wanted.settings)
        raise


def _why_replace(wanted: Plan) -> str:
    """Return why the cluster that is there cannot be used; empty when it can, or when there is none."""
    settings = wanted.settings
    described = settings.state / MARKER
    if not described.exists():
        return ""
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
    if all(name in alive for name in COMPONENTS) and is_ready(settings, kubectl):
        return
    for name in COMPONENTS:
        if name not in alive:
            _record(settings, name).unlink(missing_ok=True)
    with step("start the control plane"):
        fresh = not (settings.state / "etcd").exists()
        _write_files(wanted)
        if fresh:
            network.remove_bridges()  # of a cluster in another cache that died
        network.prepare()
        for name in ("etcd", "kube-apiserver", "containerd"):
            _start(wanted, name)
        _wait(wanted, "containerd", lambda: containers.answers(settings))
        if fresh:
            containers.remove_all(settings)  # of a life that ended without containerd
        _import_system_images(wanted)
        _wait(wanted, "the API server", lambda: _succeeds(settings, kubectl, "get", "--raw=/readyz"))
    with step("start the node"):
        for name in wanted.configuration.commands:
            _start(wanted, name)
        _kubectl(settings, kubectl, "apply", f"--filename={settings.state / SYSTEM_MANIFEST}")
        _wait(wanted, "the node", lambda: _succeeds(settings, kubectl, "get", f"node/{NODE_NAME}"))
        patch = json.dumps({"spec": {"podCIDR": POD_RANGE, "podCIDRs": [POD_RANGE]}})
        _kubectl(settings, kubectl, "patch", f"node/{NODE_NAME}", f"--patch={patch}")
        _wait(wanted, "node and DNS", lambda: is_ready(settings, kubectl))


def _write_files(wanted: Plan) -> None:
    state = wanted.settings.state
    certificates.renew(state / "certificates", datetime.now(UTC))
    files = dict(wanted.configuration.files)
    for user in (*KUBECONFIG_USERS, "admin"):
        files[state / f"{user}.kubeconfig"] = make_kubeconfig(state / "certificates", user)
    described = {"boot_id": processes.boot_id(), "configuration": wanted.configuration.as_text()}
    files[state / MARKER] = json.dumps(described)
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.unfinished")
        unfinished.touch(mode=0o600)
        unfinished.write_text(text)
        unfinished.rename(path)  # whole or not at all, also when we are killed
    (state / "log").mkdir(exist_ok=True)


def _start(wanted: Plan, name: str) -> None:
    if name in running(wanted.settings):
        return
    processes.start(
        wanted.configuration.commands[name],
        record=_record(wanted.settings, name),
        log=_log(wanted.settings, name),
    )


def _import_system_images(wanted: Plan) -> None:
    for name in ("pause", "coredns"):
        ref = system_images.image_ref(name, wanted.programs[name])
        if not containers.has_image(wanted.settings, ref):
            containers.import_image(wanted.settings, ref, system_images.archive(name, wanted.programs[name]))


def _stop(settings: Settings) -> None:
    if not (settings.state / MARKER).exists():
        return
    alive = running(settings)
    for names in STOP_ORDER:
        processes.stop([alive[name] for name in names if name in alive], grace_s=STOP_GRACE_S)
        if "kubelet" in names:  # from here on nothing starts a container again
            containers.remove_all(settings)
    containers.unmount_all(settings)
    network.remove()
    leftovers.remove(settings)
    for name in (*EPHEMERAL, MARKER):
        path = settings.state / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _wait(wanted: Plan, what: str, condition: Callable[[], bool]) -> None:
    """Wait for `condition`, as long as all that was started runs."""

    def holds() -> bool:
        alive = running(wanted.settings)
        for record in (wanted.settings.state / "run").glob("*.json"):
            if record.stem not in alive:
                raise StartFailedError(
                    f"{record.stem} ended; {processes.tail(_log(wanted.settings, record.stem))}"
                )
        return condition()

    wait_for(what, holds, within_s=READY_WITHIN_S)


def _succeeds(settings: Settings, kubectl: Path, *arguments: str) -> bool:
    command = [str(kubectl), f"--kubeconfig={settings.kubeconfig}", "--request-timeout=5s", *arguments]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _kubectl(settings: Settings, kubectl: Path, *arguments: str) -> None:
    command = [str(kubectl), f"--kubeconfig={settings.kubeconfig}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StartFailedError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")


def _record(settings: Settings, name: str) -> Path:
    return settings.state / "run" / f"{name}.json"


def _log(settings: Settings, name: str) -> Path:
    return settings.state / "log" / f"{name}.log"
