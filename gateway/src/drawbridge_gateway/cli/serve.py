"""`drawbridge serve DIR`: the same gateway without a cluster, for one machine and one tenant.

Clouds are asked by this very process, through a bridge on a loopback port: the isolation between gateway
and bridge that a cluster has does not exist here. `--local-only` leaves the bridge out.
"""

import argparse
import os
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path

from drawbridge_gateway.admin.app import make_admin_app, make_registry
from drawbridge_gateway.bridge.metrics import BridgeMetrics
from drawbridge_gateway.bridge.snapshots import BridgeState
from drawbridge_gateway.cli.servers import Site, listen, serve
from drawbridge_gateway.dataplane.app import Options, make_app
from drawbridge_gateway.dataplane.state import GatewayState
from drawbridge_gateway.logs import configure_logs
from drawbridge_gateway.settings import Limits, read_log_level, read_require_proof
from drawbridge_gateway.sources.folder import Folder
from drawbridge_gateway.sources.folder_source import FolderSource
from drawbridge_gateway.sources.metrics import SourceMetrics
from drawbridge_gateway.sources.snapshots import SinkGroup, SnapshotFeed

OpenBridge = Callable[
    [BridgeState, Callable[[str, str], str | None], BridgeMetrics, str, Limits],
    AbstractAsyncContextManager[list[Site]],
]
"""`local_bridge`, by its type."""


async def run(args: argparse.Namespace) -> int:
    """Serve a folder until told to stop."""
    # first, because configure_logs takes back what the clouds' SDKs do to the logs at their import
    open_bridge = None if args.local_only else _import_bridge()
    limits = Limits.from_environment(os.environ)
    configure_logs(read_log_level(os.environ), for_people=sys.stderr.isatty())
    registry, token = make_registry(), secrets.token_hex(32)
    bridge_state, bridge_metrics = BridgeState(), BridgeMetrics(registry)
    state = GatewayState(lambda pool: source.engine_key(pool))  # noqa: PLW0108 - source is made below
    snapshots = SnapshotFeed(SinkGroup(state, bridge_state), SourceMetrics(registry), wall_clock=time.time)
    source = FolderSource(Path(args.directory), snapshots, state, environ=os.environ, tell=_say)
    folder = source.load()
    state.synced = bridge_state.synced = True

    async with (
        open_bridge(bridge_state, source.secret, bridge_metrics, token, limits)
        if open_bridge
        else nullcontext([])
    ) as bridge_sites:
        options = Options(
            bridge_url=_url_of(bridge_sites),
            bridge_token=token,
            require_proof=read_require_proof(os.environ),
            max_body_bytes=limits.max_body_bytes,
            first_byte_timeout_s=limits.first_byte_timeout_s,
        )
        public: Site = (make_app(state, options, registry=registry), listen(args.host, args.port))
        admin: Site = (make_admin_app(registry, snapshots.loaded), listen(args.host, args.admin_port))
        _introduce(folder, args)
        await serve(
            [*bridge_sites, public, admin],
            [source.follow()],
            drain_limit_s=limits.drain_limit_s,
            on_stop=lambda: setattr(state, "synced", False),
        )
    return 0


def _import_bridge() -> OpenBridge:
    """Import the bridge, and with it the clouds' SDKs: they take longer than all the rest together."""
    from drawbridge_gateway.cli.local_bridge import local_bridge  # noqa: PLC0415 - not where nobody asks clouds

    return local_bridge


def _url_of(sites: Sequence[Site]) -> str:
    """Return the URL of the bridge, "" when there is none."""
    return "".join(f"http://127.0.0.1:{listener.getsockname()[1]}" for _, listener in sites)


def _introduce(folder: Folder, args: argparse.Namespace) -> None:
    base = f"http://{args.host or 'localhost'}:{args.port}"
    _say(f"OpenAI clients:    base URL {base}/v1")
    _say(f"Anthropic clients: base URL {base}")
    _say(f"models:            {', '.join(folder.snapshot.models)}")
    clouds = ", ".join(cloud.name for cloud in folder.snapshot.clouds)
    if args.local_only:
        _say("clouds:            none, nothing leaves this machine (--local-only)")
    elif clouds:
        _say(f"clouds:            {clouds}; asked by this process, where the policy says so")
    else:
        _say("clouds:            none, the policy names none")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - for the person at the terminal
