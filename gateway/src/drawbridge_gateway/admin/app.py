"""Port 9090: metrics and status, for the cluster's own eyes. Never exposed by an Ingress."""

from collections.abc import Mapping
from http import HTTPStatus

from drawbridge_crds.reports import LoadedSnapshot
from fastapi import FastAPI, HTTPException, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from drawbridge_gateway.sources.snapshots import Loaded


def make_registry() -> CollectorRegistry:
    """Make a registry with the metrics of the process itself."""
    # a second series for every counter, which Prometheus has no use for
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


def make_admin_app(registry: CollectorRegistry, loaded: Mapping[str, Loaded]) -> FastAPI:
    """Build the admin application over a process's metrics and the snapshots in force there, by tenant."""
    # no documentation pages: they load scripts from elsewhere
    app = FastAPI(title="Drawbridge status", docs_url=None, redoc_url=None)

    @app.get("/metrics", response_class=Response)
    def metrics() -> Response:
        """All metrics, in Prometheus' text format."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    @app.get("/status/snapshots")
    async def snapshots() -> list[LoadedSnapshot]:
        """Which snapshot of each tenant is in force here, and since when."""
        return [
            LoadedSnapshot(tenant=tenant, hash=one.hash, since=one.since)
            for tenant, one in sorted(loaded.items())
        ]

    @app.get("/status/snapshots/{tenant}")
    async def snapshot(tenant: str) -> LoadedSnapshot:
        """The same of one tenant; 404 while there is none. What the operator asks."""
        if (one := loaded.get(tenant)) is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, f'no snapshot of tenant "{tenant}" is loaded')
        return LoadedSnapshot(tenant=tenant, hash=one.hash, since=one.since)

    return app
