"""`drawbridge gateway`: the data plane in a cluster."""

import argparse
import os
import time

from drawbridge_gateway.admin.app import make_admin_app, make_registry
from drawbridge_gateway.api_server import connected
from drawbridge_gateway.cli.servers import Site, listen, serve
from drawbridge_gateway.dataplane.app import Options, make_app
from drawbridge_gateway.dataplane.state import GatewayState
from drawbridge_gateway.dataplane.tenant import derived_keys
from drawbridge_gateway.logs import configure_logs
from drawbridge_gateway.settings import GatewaySettings, read_log_level
from drawbridge_gateway.sources.endpoints import EndpointFeed
from drawbridge_gateway.sources.kubernetes import POOL_ENDPOINTS, Follower, follow_all, snapshots_in
from drawbridge_gateway.sources.metrics import SourceMetrics
from drawbridge_gateway.sources.snapshots import SnapshotFeed


async def run(args: argparse.Namespace) -> int:
    """Serve until told to stop."""
    settings = GatewaySettings.from_environment(os.environ)
    configure_logs(read_log_level(os.environ))
    registry = make_registry()
    state = GatewayState(derived_keys(settings.root_key))
    options = Options(
        bridge_url=settings.bridge_url,
        bridge_token=settings.bridge_token,
        require_proof=settings.require_proof,
        max_body_bytes=settings.limits.max_body_bytes,
        first_byte_timeout_s=settings.limits.first_byte_timeout_s,
    )
    metrics = SourceMetrics(registry)
    snapshots = SnapshotFeed(state, metrics, wall_clock=time.time)
    sites: list[Site] = [
        (make_app(state, options, registry=registry), listen(args.host, args.port)),
        (make_admin_app(registry, snapshots.loaded), listen(args.host, args.admin_port)),
    ]
    async with connected() as api:
        followers = [
            Follower(api, snapshots_in(settings.namespace), snapshots, metrics),
            Follower(api, POOL_ENDPOINTS, EndpointFeed(state, metrics), metrics),
        ]
        await serve(
            sites,
            [follow_all(followers, state)],
            drain_limit_s=settings.limits.drain_limit_s,
            on_stop=lambda: setattr(state, "synced", False),
        )
    return 0
