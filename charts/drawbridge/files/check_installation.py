"""`helm test`: does the gateway answer, does it want a key, and does the bridge talk to its clients only?

Runs in the gateway's image with the standard library. EXPECT_BRIDGE says what this pod must find:
`open` (it wears the label of a bridge client: the control), `closed` (it does not), or `absent` (no bridge).
A closed door proves nothing unless the same door opened for the control, which runs first.
"""

# ruff: noqa: INP001, T201 - a script that speaks to a person at a terminal
import http.client
import os
import sys
import time

GATEWAY = ("drawbridge-gateway", int(os.environ["GATEWAY_PORT"]))
BRIDGE = ("drawbridge-bridge", 8080)
DEADLINE_S = 30.0
"""A policy takes effect some 0.1 s after a pod has its address, on busy clusters seconds."""

CLOSED_ATTEMPTS = 5


def status(address: tuple[str, int], path: str) -> int | None:
    """Return the status of GET `path`, or None when no connection can be made."""
    connection = http.client.HTTPConnection(*address, timeout=2.0)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()


def describe(found: int | None) -> str:
    """Put a result of `status` into words."""
    return "no connection" if found is None else f"an answer with status {found}"


def wait_for(wanted: int | None, address: tuple[str, int], path: str, *, in_a_row: int = 1) -> str:
    """Ask until the answer was `wanted` so many times running; returns what is wrong, "" if nothing is."""
    deadline = time.monotonic() + DEADLINE_S
    seen = 0
    while True:
        found = status(address, path)
        seen = seen + 1 if found == wanted else 0
        if seen == in_a_row:
            return ""
        if time.monotonic() > deadline:
            return f"{describe(found)} instead of {describe(wanted)}"
        time.sleep(0.2)


def checks() -> list[tuple[str, str]]:
    """Run the checks of this pod; returns (claim, what is wrong) for each."""
    bridge = os.environ["EXPECT_BRIDGE"]
    if bridge == "open":
        return [("a client of the bridge reaches it (the control)", wait_for(200, BRIDGE, "/readyz"))]
    found = [
        ("the gateway is ready", wait_for(200, GATEWAY, "/readyz")),
        ("the gateway refuses a request without a key", wait_for(401, GATEWAY, "/v1/models")),
    ]
    if bridge == "closed":
        wrong = wait_for(None, BRIDGE, "/readyz", in_a_row=CLOSED_ATTEMPTS)
        if wrong:
            wrong += ": NetworkPolicy drawbridge-bridge is missing, or the network plugin does not enforce it"
        found.append(("no other pod reaches the bridge", wrong))
    return found


def main() -> None:
    """Print each claim with its verdict; exit 1 if one does not hold."""
    results = checks()
    for claim, wrong in results:
        print(f"FAILED  {claim}: {wrong}" if wrong else f"ok      {claim}", flush=True)
    sys.exit(any(wrong for _, wrong in results))


main()
