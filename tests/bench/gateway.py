"""Requests a second through the gateway, beside a plain proxy and no proxy at all.

    python -m tests.bench.gateway            # a table, and bench-results/gateway.json
    python -m tests.bench.gateway --seconds 10 --connections 1 32

Everything runs on this machine: each contender is one worker on one core; the upstream server and the
load share another. The load is a process of its own and waits for each answer before it asks again.
The gateway does all that it always does: key, policy, metrics, a log line per request (to a file).
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import httpx
import uvicorn
import uvloop
from drawbridge_crds.api_keys import key_digest, mint_key
from drawbridge_crds.privacy import Privacy, Proof
from drawbridge_crds.route import Backend, BackendType
from drawbridge_crds.snapshot import GatewaySnapshot, KeyTarget, PoolTarget, RouteTarget
from drawbridge_gateway.cli.servers import listen, make_server
from drawbridge_gateway.dataplane.app import Options, make_app
from drawbridge_gateway.dataplane.state import GatewayState
from drawbridge_gateway.logs import configure_logs
from drawbridge_gateway.upstream.balance import Endpoint
from fastapi import FastAPI, Request, Response
from prometheus_client import CollectorRegistry

from tests.free_ports import free_ports

RESULTS = Path("bench-results/gateway.json")
HOST = "127.0.0.1"
START_DEADLINE_S = 30.0
WARM_UP_S = 1.0

ANSWER = json.dumps({
    "id": "chatcmpl-bench",
    "object": "chat.completion",
    "created": 1,
    "model": "coder",
    "choices": [{
        "index": 0,
        "message": {"role": "assistant", "content": "word " * 80},
        "logprobs": None,
        "finish_reason": "stop",
    }],
    "usage": {"prompt_tokens": 20, "completion_tokens": 80, "total_tokens": 100},
}).encode()  # fmt: skip
"""0.7 KB."""

ANSWER_END = ANSWER[-40:]

QUESTION = json.dumps({
    "model": "coder",
    "messages": [{"role": "user", "content": "Write a test for the function below. " * 10}],
    "max_tokens": 128,
}).encode()  # fmt: skip

KEY = mint_key(lambda size: bytes(range(size)))


@dataclass(frozen=True)
class Result:
    """One contender at one number of connections."""

    contender: str
    connections: int
    requests_per_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    """Processor time that the contender spends on a request: fair also on a busy machine."""
    errors: int
    rss_mib: float


# The upstream server


class AnswerProtocol(asyncio.Protocol):
    """Answers every request of a keep-alive connection with the same body, as fast as Python can."""

    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(ANSWER)

    def __init__(self) -> None:
        self.pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.pending += data
        while (end := self.pending.find(b"\r\n\r\n")) >= 0:
            head = self.pending[:end].lower()
            at = head.find(b"content-length: ") + len(b"content-length: ")
            length = int(head[at:].split(b"\r\n", 1)[0]) if at >= len(b"content-length: ") else 0
            if len(self.pending) < end + 4 + length:
                return
            self.pending = self.pending[end + 4 + length :]
            self.transport.write(self.head + ANSWER)


# The contenders: each runs in its own process and event loop until it is ended


async def run_drawbridge(port: int, upstream_port: int) -> None:
    """Run the gateway as `drawbridge gateway` does, with a policy that leads to the upstream server."""
    configure_logs("info")
    state = GatewayState()
    state.load_snapshot(
        GatewaySnapshot(
            tenant="team-a",
            privacy=Privacy.STANDARD,
            currency="USD",
            models=("auto", "coder"),
            retired=(),
            pools=(
                PoolTarget(
                    name="pool", model="pool", uid="uid", privacy=Privacy.STANDARD, proof=Proof.NOT_MEASURED
                ),
            ),
            clouds=(),
            routes=(
                RouteTarget(
                    name="rest",
                    matches=(),
                    backends=(Backend(type=BackendType.POOL, name="pool"),),
                    fallback=None,
                ),
            ),
            task_header="x-drawbridge-task",
            keys={KEY.key_id: KeyTarget(digest=key_digest(KEY.secret), expires=None, models=None)},
        )
    )
    state.set_endpoints("team-a", "pool", [Endpoint(HOST, upstream_port)])
    app = make_app(state, Options(), registry=CollectorRegistry())
    await make_server(app, drain_limit_s=1).serve(sockets=[listen(HOST, port)])


async def run_fastapi_httpx(port: int, upstream_port: int) -> None:
    """Run the proxy that one would write in ten lines: no key, no policy, no metrics, no log."""
    app = FastAPI()
    limits = httpx.Limits(max_connections=256, max_keepalive_connections=256)
    client = httpx.AsyncClient(base_url=f"http://{HOST}:{upstream_port}", limits=limits)

    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> Response:
        body = await request.body()
        answer = await client.post(
            "/v1/chat/completions", content=body, headers={"content-type": "application/json"}
        )
        return Response(answer.content, answer.status_code, media_type="application/json")

    config = uvicorn.Config(app, host=HOST, port=port, access_log=False, log_level="error")
    await uvicorn.Server(config).serve()


async def run_upstream(port: int, _: int) -> None:
    """Run the server that all of them lead to."""
    server = await asyncio.get_running_loop().create_server(AnswerProtocol, HOST, port)
    await server.serve_forever()


ROLES = {"drawbridge": run_drawbridge, "fastapi+httpx": run_fastapi_httpx, "upstream": run_upstream}


# The load


class LoadProtocol(asyncio.Protocol):
    """Asks again as soon as the answer is there, and notes how long each took."""

    request = (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer %s\r\n"
        b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
        % (KEY.secret.encode(), len(QUESTION), QUESTION)
    )

    def __init__(self, latencies_s: list[float]) -> None:
        self.latencies_s = latencies_s
        self.errors = 0
        self.pending = b""
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.ask()

    def ask(self) -> None:
        self.asked_s = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.pending += data
        if not self.pending.endswith(ANSWER_END):
            return
        self.latencies_s.append(time.perf_counter() - self.asked_s)
        self.errors += not self.pending.startswith(b"HTTP/1.1 200")
        self.pending = b""
        self.ask()

    def connection_lost(self, exc: Exception | None) -> None:
        self.errors += exc is not None
        self.lost.set_result(None)


async def load(port: int, connections: int, seconds: float) -> dict[str, float]:
    """Load a contender after a warm-up; return rates and latencies."""
    loop = asyncio.get_running_loop()
    latencies_s: list[float] = []
    protocols = []
    for _ in range(connections):
        _, protocol = await loop.create_connection(lambda: LoadProtocol(latencies_s), HOST, port)
        protocols.append(protocol)
    await asyncio.sleep(WARM_UP_S)
    warm_up_requests = len(latencies_s)
    latencies_s.clear()
    started_s = time.perf_counter()
    await asyncio.sleep(seconds)
    took_s, ordered = time.perf_counter() - started_s, sorted(latencies_s)
    for protocol in protocols:
        protocol.transport.close()
    await asyncio.wait([protocol.lost for protocol in protocols])
    return {
        "requests_per_s": round(len(ordered) / took_s, 1),
        "p50_ms": round(ordered[len(ordered) // 2] * 1000, 3),
        "p99_ms": round(ordered[len(ordered) * 99 // 100] * 1000, 3),
        "total": warm_up_requests + len(latencies_s),
        "errors": sum(protocol.errors for protocol in protocols),
    }


# Putting it together


@contextlib.contextmanager
def process(role: str, core: int, upstream_port: int = 0) -> Iterator[tuple[int, int]]:
    """Run a role in a process on one core; yield its port and process id."""
    [port] = free_ports(1)
    command = [
        sys.executable,
        "-m",
        "tests.bench.gateway",
        "--role",
        role,
        "--ports",
        f"{port},{upstream_port}",
    ]
    with tempfile.TemporaryFile() as log:
        running = subprocess.Popen([*command, "--core", str(core)], stderr=log, stdout=log)
        try:
            wait_for(port, running)
            yield port, running.pid
        finally:
            running.terminate()
            running.wait()


def wait_for(port: int, running: subprocess.Popen[bytes]) -> None:
    deadline_s = time.monotonic() + START_DEADLINE_S
    while time.monotonic() < deadline_s and running.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
            return
        time.sleep(0.05)
    raise SystemExit(f"a contender did not start on port {port} within {START_DEADLINE_S:.0f} s")


def resident_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return round(int(line.split()[1]) / 1024, 1)


def processor_s(pid: int) -> float:
    """Return the processor time that a process has used (proc_pid_stat(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(contender: str, connections: int, seconds: float, cores: tuple[int, int]) -> Result:
    """Measure one contender; `direct` is the upstream server itself."""
    mine, others = cores
    with contextlib.ExitStack() as stack:
        port, pid = stack.enter_context(process("upstream", others))
        if contender != "direct":
            port, pid = stack.enter_context(process(contender, mine, port))
        command = [sys.executable, "-m", "tests.bench.gateway", "--role", "load", "--ports", f"{port},0"]
        options = ["--core", str(others), "--connections", str(connections), "--seconds", str(seconds)]
        before_s = processor_s(pid)
        done = subprocess.run([*command, *options], check=True, stdout=subprocess.PIPE)
        measured = json.loads(done.stdout)
        cpu_us = round((processor_s(pid) - before_s) * 1e6 / measured.pop("total"), 1)
        return Result(contender, connections, cpu_us=cpu_us, rss_mib=resident_mib(pid), **measured)


def main() -> None:
    """Run one role, or the whole comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=5.0, help="per measurement (default: 5)")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 32], help="(default: 1 32)")
    parser.add_argument("--role", help=argparse.SUPPRESS)
    parser.add_argument("--ports", default="0,0", help=argparse.SUPPRESS)
    parser.add_argument("--core", type=int, default=0, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.role is None:
        compare(args.connections, args.seconds)
        return
    os.sched_setaffinity(0, {args.core})
    port, upstream_port = map(int, args.ports.split(","))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, contextlib.suppress(KeyboardInterrupt):
        if args.role == "load":
            print(json.dumps(runner.run(load(port, args.connections[0], args.seconds))))
        else:
            runner.run(ROLES[args.role](port, upstream_port))


def compare(connections: Sequence[int], seconds: float) -> None:
    """Measure all contenders, print the table and write it down."""
    available = sorted(os.sched_getaffinity(0))
    cores = (available[0], available[-1])
    load_before = os.getloadavg()[0]
    results = []
    print(
        f"{'':16}{'conns':>6}{'req/s':>10}{'p50 ms':>10}{'p99 ms':>10}{'CPU us':>10}{'MiB':>8}{'errors':>8}"
    )
    for count in connections:
        for contender in ("direct", "drawbridge", "fastapi+httpx"):
            result = measure(contender, count, seconds, cores)
            results.append(result)
            print(
                f"{contender:16}{count:6}{result.requests_per_s:10.0f}{result.p50_ms:10.2f}{result.p99_ms:10.2f}"
                f"{result.cpu_us:10.0f}{result.rss_mib:8.0f}{result.errors:8}"
            )
    busy = load_before > len(available) / 2
    if busy:
        print(f"the machine was busy before (load {load_before:.1f}): compare the rows, not the figures")
    RESULTS.parent.mkdir(exist_ok=True)
    report = {
        "machine": {"cores": len(available), "cpu": platform.processor() or platform.machine()},
        "load_before": round(load_before, 2),
        "seconds": seconds,
        "results": [asdict(result) for result in results],
    }
    RESULTS.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(f"written to {RESULTS}")


if __name__ == "__main__":
    main()
