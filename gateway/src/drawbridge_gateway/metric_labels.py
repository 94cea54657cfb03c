"""Labels that metrics of gateway and bridge share, so that one dashboard can join them."""

from typing import Final

CLIENT_GONE: Final = 499
"""Status in logs of a request whose client left first; the number that nginx made customary."""


def backend_label(kind: str, name: str) -> str:
    """Return the label `backend`, which x-drawbridge-backend says too: `pool/NAME` or `cloud/NAME`."""
    return f"{kind}/{name}"


def status_label(status: int) -> str:
    """Return the label `status` for the status with which a request ended: its class, or `client_gone`."""
    return "client_gone" if status == CLIENT_GONE else f"{status // 100}xx"
