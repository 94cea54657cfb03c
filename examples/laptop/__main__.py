"""`make laptop`: the demo's requests without a cluster, answered by one engine process and a stand-in."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from drawbridge_crds.policy import RoutingPolicy
from rich.console import Console

from examples.demo.scenario import QUESTIONS, ask_all
from examples.demo.table import answers_table, console_width
from tests.cluster.images import local_engine
from tests.cluster.kubectl import wait_for
from tests.cluster.progress import CommandFailedError, step, summary
from tests.free_ports import free_ports
from tests.standin import standin_thread

HERE = Path(__file__).parent
ENGINE_LOADED_WITHIN_S = 180.0
"""15 s on an idle machine of 2 cores, a minute beside a build."""

LOUD = """\
[bold yellow]DRAWBRIDGE_REQUIRE_PROOF=false[/]: nothing measures isolation on one machine, so this answers
strict requests without proof."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Free ports of this machine."""

    engine: int
    gateway: int
    admin: int


def main() -> int:
    """Start everything, ask, show the table, stop everything."""
    console = Console(width=console_width())
    console.print(LOUD)
    try:
        with contextlib.ExitStack() as running:
            _run(console, running)
    except (CommandFailedError, OSError) as error:
        print(f"\ndrawbridge laptop: {error}", file=sys.stderr)
        return 1
    return 0


def _run(console: Console, running: contextlib.ExitStack) -> None:
    folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="drawbridge-laptop-")))
    ports = Ports(*free_ports(3))
    with step("SGLang and a tiny model, from the cache or PyPI"):
        engine = local_engine.prepare()
    cloud = running.enter_context(standin_thread(folder / "tls"))
    key = _write_folder(folder, ports, cloud.url, cloud.ca_file)
    with step("start the engine and the gateway"):
        running.enter_context(_process(_engine_command(engine, ports.engine), folder / "engine.log", {}))
        settings = {"CLOUD_API_KEY": cloud.api_key, "DRAWBRIDGE_REQUIRE_PROOF": "false"}
        running.enter_context(_process(_serve_command(folder, ports), folder / "gateway.log", settings))
        base_url = f"http://127.0.0.1:{ports.gateway}"
        wait_for("the gateway", lambda: _answers(f"{base_url}/readyz"), within_s=30)
        engine_url = f"http://127.0.0.1:{ports.engine}/v1/models"
        wait_for(
            "the engine to load its model", lambda: _answers(engine_url), within_s=ENGINE_LOADED_WITHIN_S
        )
    policy = RoutingPolicy.model_validate(yaml.safe_load((folder / "policy.yaml").read_text()))
    with step("ask"):
        answers = list(ask_all(QUESTIONS, base_url=base_url, key=key, policy=policy))
    console.print(answers_table(answers, policy.spec.currency))
    console.print(summary(), highlight=False)
    console.print("examples/laptop/README.md says how to run it by hand.")


def _write_folder(folder: Path, ports: Ports, cloud_url: str, authority: Path) -> str:
    """Copy the example with this machine's ports, make certificates and a key; returns the key."""
    moves = {"127.0.0.1:8000": f"127.0.0.1:{ports.engine}", "https://127.0.0.1:8443": cloud_url}
    for name in ("pool.yaml", "policy.yaml", "endpoints.yaml"):
        text = (HERE / name).read_text()
        for usual, here in moves.items():
            text = text.replace(usual, here)
        (folder / name).write_text(text)
    bundle = {"metadata": {"name": "cloud-ca"}, "data": {"ca.crt": authority.read_text()}}
    (folder / "cloud-ca.yaml").write_text(json.dumps({"apiVersion": "v1", "kind": "ConfigMap"} | bundle))
    command = [_drawbridge(), "keys", "create", "laptop", "--file", str(folder / "keys.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CommandFailedError(f"drawbridge keys create: {done.stderr}")
    return done.stdout.strip()


def _engine_command(engine: local_engine.LocalEngine, port: int) -> list[str]:
    return [
        str(engine.python), "-m", "sglang.launch_server", "--model-path", str(engine.model),
        "--served-model-name", "coder", "--device", "cpu", "--host", "127.0.0.1", "--port", str(port),
        "--max-total-tokens", "32768", "--sleep-on-idle",
    ]  # fmt: skip


def _serve_command(folder: Path, ports: Ports) -> list[str]:
    return [
        _drawbridge(),
        "serve",
        str(folder),
        "--port",
        str(ports.gateway),
        "--admin-port",
        str(ports.admin),
    ]


def _drawbridge() -> str:
    beside = Path(sys.executable).with_name("drawbridge")
    return str(beside) if beside.exists() else shutil.which("drawbridge") or "drawbridge"


@contextlib.contextmanager
def _process(command: list[str], log: Path, settings: Mapping[str, str]) -> Iterator[None]:
    """Run a process in a session of its own; at the end it and its children are ended."""
    with log.open("w") as file:
        process = subprocess.Popen(
            command, env=os.environ | dict(settings), stdin=subprocess.DEVNULL, stdout=file, stderr=file,
            start_new_session=True,
        )  # fmt: skip
    try:
        yield
    except BaseException:
        print(f"--- the end of {log.name}:\n{log.read_text()[-2000:]}", file=sys.stderr)
        raise
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 15)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - http to this machine
            return bool(answer.status == 200)  # noqa: PLR2004 - HTTP's OK
    except (urllib.error.URLError, OSError):
        return False


if __name__ == "__main__":
    sys.exit(main())
