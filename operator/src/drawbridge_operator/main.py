"""Start-up: settings, the lease, then kopf and the controller side by side, until a signal or an error.

Exit codes: 0 after SIGTERM or SIGINT, 1 when leadership was lost or the watches broke, 2 for bad settings.
"""

import asyncio
import os
import signal
import sys
import time
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from random import SystemRandom
from typing import Final

import structlog
import uvloop
from kubernetes.aio.client import ApiClient

from drawbridge_operator.cluster import Cluster
from drawbridge_operator.connection import load_configuration
from drawbridge_operator.controller import Controller
from drawbridge_operator.errors import ClusterError, DrawbridgeError, NotFoundError, SettingsError
from drawbridge_operator.kinds import INFERENCE_POOL, ROUTING_POLICY
from drawbridge_operator.leader import Leader
from drawbridge_operator.logs import configure_logs
from drawbridge_operator.metrics_server import serve_metrics
from drawbridge_operator.settings import Settings
from drawbridge_operator.watching import watch

CRD_RETRY_S: Final = 5.0

_log = structlog.get_logger()


def main() -> None:
    """Run the operator until it is told to stop."""
    try:
        settings = Settings.from_environment(os.environ)
    except SettingsError as error:
        sys.stderr.write(f"drawbridge-operator: {error}\n")
        sys.exit(2)
    configure_logs(settings.log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(run(settings)))


async def run(settings: Settings) -> int:
    """Wait for the lease and lead; returns the exit code."""
    stop = asyncio.Event()
    _stop_on_signals(stop)
    _log.info("operator_started", version=version("drawbridge-operator"), identity=settings.pod_name)
    async with ApiClient(await load_configuration()) as api, serve_metrics(settings.metrics_port):
        api.user_agent = f"drawbridge-operator/{version('drawbridge-operator')}"
        leader = Leader(
            Cluster(api),
            settings.namespace,
            settings.pod_name,
            clock=_utc_now,
            monotonic_s=time.monotonic,
        )
        stopping = asyncio.create_task(stop.wait())
        guarded = Cluster(api, check_may_write=leader.check_may_write)
        leading = asyncio.create_task(_lead(guarded, leader, settings, stop))
        await asyncio.wait({stopping, leading}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        leading.cancel()
        exit_code = await _outcome(leading)
        await leader.release()
        return exit_code


async def _lead(cluster: Cluster, leader: Leader, settings: Settings, stop: asyncio.Event) -> None:
    await _await_crds(cluster)
    await leader.acquire()
    controller = Controller(cluster, settings, clock=_utc_now, rng=SystemRandom())
    async with asyncio.TaskGroup() as group:
        group.create_task(leader.keep())
        group.create_task(controller.run())
        group.create_task(watch(controller.add, take_back_signals=partial(_stop_on_signals, stop)))


async def _outcome(leading: asyncio.Task[None]) -> int:
    """Wait for the end of the leader's work and say how it ended."""
    try:
        await leading
    except asyncio.CancelledError:
        _log.info("operator_stopped")
        return 0
    except BaseExceptionGroup as group:
        errors = [error for error in _leaves(group) if not isinstance(error, asyncio.CancelledError)]
        unforeseen = [error for error in errors if not isinstance(error, DrawbridgeError)]
        trace = next(iter(unforeseen), None)
        _log.error("operator_failed", error="; ".join(map(str, errors)), exc_info=trace)
    return 1


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for child in error.exceptions for leaf in _leaves(child)]
    return [error]


async def _await_crds(cluster: Cluster) -> None:
    """Wait until the API server serves both resources: kopf would ignore for ever what it lacks at start."""
    while True:
        try:
            await cluster.list(INFERENCE_POOL)
            await cluster.list(ROUTING_POLICY)
        except NotFoundError:
            _log.warning(
                "crds_missing",
                action="install the chart drawbridge-crds: inferencepools.drawbridge.dev and "
                "routingpolicies.drawbridge.dev are not served",
            )
        except ClusterError as error:
            _log.warning("cluster_unavailable", error=str(error))
        else:
            return
        await asyncio.sleep(CRD_RETRY_S)


def _stop_on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)


def _utc_now() -> datetime:
    return datetime.now(UTC)
