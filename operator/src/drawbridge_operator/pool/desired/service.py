"""The Service whose EndpointSlices tell the gateway where the engines are."""

from drawbridge_crds.names import ENGINE_PORT, ENGINE_PORT_NAME, engine_name
from drawbridge_crds.pool import InferencePool

from drawbridge_operator.kinds import Object
from drawbridge_operator.pool.desired.metadata import child_metadata, engine_selector


def make_service(pool: InferencePool) -> Object:
    """Make the Service of a pool. Its label drawbridge.dev/pool is what EndpointSlices inherit."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": child_metadata(pool, engine_name(pool.metadata.name)),
        "spec": {
            "type": "ClusterIP",
            "selector": engine_selector(pool),
            "ports": [
                {
                    "name": ENGINE_PORT_NAME,
                    "port": ENGINE_PORT,
                    "targetPort": ENGINE_PORT_NAME,
                    "protocol": "TCP",
                    "appProtocol": "http",
                }
            ],
        },
    }
