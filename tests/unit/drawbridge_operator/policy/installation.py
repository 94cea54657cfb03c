"""Gateways and bridge around a world: a real server that answers as a test says, and the reconcile."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from aiohttp import web
from drawbridge_crds.names import SNAPSHOT_KEY, snapshot_name
from drawbridge_crds.snapshot import GatewaySnapshot
from drawbridge_operator.kinds import CONFIG_MAP, Object
from drawbridge_operator.policy.reconcile import reconcile_tenant
from drawbridge_operator.policy.reconcile_status import reconcile_status
from drawbridge_operator.settings import Settings

from tests.unit.drawbridge_operator.world import World

SYSTEM, TENANT = "drawbridge-system", "team-a"

UNREACHABLE = "127.0.0.99"
"""Nothing listens there."""

MAX_GATEWAYS = 4


class Now:
    """A clock that never shows the same time twice."""

    def __init__(self) -> None:
        self.minute = 0

    def __call__(self) -> datetime:
        self.minute += 1
        return datetime(2026, 11, 22, 15, self.minute % 60, tzinfo=UTC)


class Installation:
    """What runs beside the operator. Gateways listen on addresses of their own at one port, as pods do."""

    def __init__(self) -> None:
        self.gateways: dict[str, str] = {"gateway-a": "Current"}
        """By pod: Current, Older, None (no snapshot of the tenant), Nonsense, Redirected (to the second
        gateway) or Unreachable."""
        self.bridge: dict[str, str] | None = {}
        """State of the Secret by cloud, Readable where none is given; None: there is no bridge."""
        self.bridge_host = "127.0.0.1"
        self.bridge_status = 200
        self.asked: list[tuple[str, str]] = []
        """Path and authorization of every request to the bridge."""
        self.port = 0
        self.now = Now()
        self._world = World()

    @property
    def settings(self) -> Settings:
        return Settings(
            namespace=SYSTEM,
            pod_name="operator-0",
            root_key=b"k" * 32,
            bridge_url="" if self.bridge is None else f"http://{self.bridge_host}:{self.port}",
            bridge_token="token",
            bridge_service_account="drawbridge-bridge",
            gateway_admin_port=self.port,
        )

    async def reconciled(self, world: World) -> float | None:
        """Write the snapshot and tell the status, as the controller has it; returns when to look again."""
        self._world = world
        world.put(self._endpoint_slice())
        tell_after_s = await reconcile_tenant(world, self.settings, self.now, TENANT)
        if tell_after_s is None:
            return None
        return await reconcile_status(world, self.settings, self.now, TENANT)

    def _endpoint_slice(self) -> Object:
        endpoints = [
            {
                "addresses": [UNREACHABLE if state == "Unreachable" else f"127.0.0.{number}"],
                "conditions": {"ready": True, "serving": True, "terminating": False},
                "targetRef": {"kind": "Pod", "name": pod, "namespace": SYSTEM},
            }
            for number, (pod, state) in enumerate(self.gateways.items(), 1)
        ]
        labels = {"kubernetes.io/service-name": "drawbridge-gateway"}
        return {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "addressType": "IPv4",
            "metadata": {"name": "drawbridge-gateway-x2kq9", "namespace": SYSTEM, "labels": labels},
            "endpoints": endpoints,
            "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        }

    async def tell_snapshot(self, request: web.Request) -> web.Response:
        """Answer as a gateway does."""
        address = request.transport.get_extra_info("sockname")[0] if request.transport else ""
        state = list(self.gateways.values())[int(address.rpartition(".")[2]) - 1]
        if state == "None":
            return web.json_response({"detail": "no snapshot"}, status=404)
        if state == "Nonsense":
            return web.Response(text="<html>")
        if state == "Redirected":
            return web.Response(
                status=302, headers={"Location": f"http://127.0.0.2:{self.port}{request.path}"}
            )
        config_map = self._world.named(CONFIG_MAP, SYSTEM, snapshot_name(request.match_info["tenant"]))
        current = GatewaySnapshot.from_wire(config_map["data"][SNAPSHOT_KEY]).content_hash
        told = "0" * 64 if state == "Older" else current
        return web.json_response({"tenant": TENANT, "hash": told, "since": "2026-11-22T15:00:00Z"})

    async def tell_credentials(self, request: web.Request) -> web.Response:
        """Answer as the bridge does, from the snapshot."""
        self.asked.append((request.path, request.headers.get("Authorization", "")))
        config_map = self._world.named(CONFIG_MAP, SYSTEM, snapshot_name(TENANT))
        snapshot = GatewaySnapshot.from_wire(config_map["data"][SNAPSHOT_KEY])
        clouds = [
            {
                "cloud": cloud.name,
                "secret": cloud.secret_key_ref.model_dump(),
                "state": (self.bridge or {}).get(cloud.name, "Readable"),
            }
            for cloud in snapshot.clouds
        ]
        return web.json_response({"clouds": clouds}, status=self.bridge_status)


@asynccontextmanager
async def run_installation() -> AsyncIterator[Installation]:
    here = Installation()
    app = web.Application()
    app.router.add_get("/status/snapshots/{tenant}", here.tell_snapshot)
    app.router.add_get("/status/credentials/{tenant}", here.tell_credentials)
    runner = web.AppRunner(app)
    await runner.setup()
    for number in range(1, MAX_GATEWAYS + 1):
        await web.TCPSite(runner, f"127.0.0.{number}", here.port).start()
        here.port = runner.addresses[0][1]
    yield here
    await runner.cleanup()
