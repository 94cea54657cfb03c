"""Which requests may leave: the bridge's own check against its own snapshot. Pure."""

from http import HTTPStatus

from drawbridge_crds.privacy import Privacy
from drawbridge_crds.route import BackendType
from drawbridge_crds.snapshot import CloudTarget, GatewaySnapshot

from drawbridge_gateway.bridge.request import Envelope
from drawbridge_gateway.bridge.snapshots import find_cloud
from drawbridge_gateway.protocols.errors import ApiError, RequestRefused


def permitted_cloud(
    snapshot: GatewaySnapshot | None, envelope: Envelope, *, model: str | None
) -> CloudTarget:
    """Return the cloud that this request may go to: the bridge's own check, whatever the gateway found.

    `model` is what the client asked for; None while its body is not read.

    Raises:
        RequestRefused: when it may not leave, or nothing is known of its tenant.
    """
    if snapshot is None:
        # not a verdict on privacy: this copy of the snapshots may be a moment behind the gateway's
        raise RequestRefused(
            ApiError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "tenant_unknown",
                f'the bridge knows no policy of tenant "{envelope.tenant}" (yet): nothing of it may leave',
                retry_after_s=1,
            )
        )
    refusal = why_it_stays(snapshot, envelope.route, envelope.cloud, model)
    cloud = find_cloud(snapshot, envelope.cloud)
    if refusal is not None or cloud is None:
        raise RequestRefused(
            ApiError(HTTPStatus.FORBIDDEN, "privacy_refused", f"the bridge lets nothing out here: {refusal}")
        )
    return cloud


def why_it_stays(
    snapshot: GatewaySnapshot, route_name: str, cloud_name: str, model: str | None
) -> str | None:
    """Return why a request of this route must not leave for this cloud; None when it may.

    The bridge's own check against its own snapshot, whatever the gateway decided. A header that asked
    for more privacy is not known here: that part rests on the gateway.
    """
    if snapshot.privacy is Privacy.STRICT:
        return "the policy or the namespace's floor is Strict"
    route = next((r for r in snapshot.routes if r.name == route_name), None)
    if route is None:
        return f'the policy has no route "{route_name}"'
    if not any(b.type is BackendType.CLOUD and b.name == cloud_name for b in route.named_backends):
        return f'route "{route_name}" does not name cloud "{cloud_name}"'
    if all(cloud.name != cloud_name for cloud in snapshot.clouds):
        return f'the policy has no usable cloud "{cloud_name}"'
    if snapshot.route_privacy(route) is Privacy.STRICT:
        return f'route "{route_name}" is for a pool that is Strict or does not exist'
    named = {name for match in route.matches for name in match.models}
    if model in snapshot.retired or (model in snapshot.pool_privacy and model not in named):
        return f'the model was a pool, or is one that route "{route_name}" does not match by name'
    return None
