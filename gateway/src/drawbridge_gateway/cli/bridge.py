"""`drawbridge bridge`: the only component of a cluster that asks clouds."""

import argparse
import os
import time

from drawbridge_gateway.admin.app import make_admin_app, make_registry
from drawbridge_gateway.api_server import connected
from drawbridge_gateway.bridge.app import Bridge
from drawbridge_gateway.bridge.clouds import CloudClients
from drawbridge_gateway.bridge.credentials import Credentials
from drawbridge_gateway.bridge.metrics import BridgeMetrics
from drawbridge_gateway.bridge.secrets import KubernetesSecrets
from drawbridge_gateway.bridge.snapshots import BridgeState
from drawbridge_gateway.cli.servers import listen, serve
from drawbridge_gateway.logs import configure_logs
from drawbridge_gateway.settings import BridgeSettings, read_log_level
from drawbridge_gateway.sources.kubernetes import Follower, follow_all, snapshots_in
from drawbridge_gateway.sources.metrics import SourceMetrics
from drawbridge_gateway.sources.snapshots import SnapshotFeed


async def run(args: argparse.Namespace) -> int:
    """Serve until told to stop."""
    settings = BridgeSettings.from_environment(os.environ)
    configure_logs(read_log_level(os.environ))
    registry = make_registry()
    state = BridgeState()
    metrics = SourceMetrics(registry)
    snapshots = SnapshotFeed(state, metrics, wall_clock=time.time)
    clients = CloudClients(first_byte_timeout_s=settings.limits.first_byte_timeout_s)
    public, admin = listen(args.host, args.port), listen(args.host, args.admin_port)
    async with connected() as api:
        credentials = Credentials(KubernetesSecrets(api), clock=time.monotonic)
        bridge = Bridge(
            state,
            credentials,
            clients,
            BridgeMetrics(registry),
            token=settings.token,
            limits=settings.limits,
        )
        await serve(
            [(bridge, public), (make_admin_app(registry, snapshots.loaded), admin)],
            [follow_all([Follower(api, snapshots_in(settings.namespace), snapshots, metrics)], state)],
            drain_limit_s=settings.limits.drain_limit_s,
            on_stop=lambda: setattr(state, "synced", False),
        )
    await clients.close()
    return 0
