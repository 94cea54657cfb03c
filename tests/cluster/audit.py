"""The API server's audit log: what it holds, and how tests read it."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

READ_VERBS: Final = ["get", "list", "watch"]

POLICY: Final[dict[str, Any]] = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        # The cluster's own parts read all day long: that would bury what the tests look for.
        {
            "level": "None",
            "verbs": READ_VERBS,
            "userGroups": ["system:nodes", "system:serviceaccounts:kube-system"],
        },
        {
            "level": "None",
            "verbs": READ_VERBS,
            "users": [
                "system:apiserver",
                "system:kube-controller-manager",
                "system:kube-scheduler",
                "system:kube-proxy",
                "kube-router",
            ],
        },
        {"level": "None", "nonResourceURLs": ["/healthz*", "/livez*", "/readyz*", "/openapi*", "/version"]},
        {"level": "Metadata"},
    ],
}
"""One line for each finished request: who, which verb on which object, when, what status; no bodies."""

SIZE_MIB: Final = 100
KEPT: Final = 2
"""Rotated logs beside the present one: 300 MiB at most."""


def events(log: Path, since: datetime, username: str | None = None) -> Iterator[dict[str, Any]]:
    """Yield finished requests that arrived at or after `since` (with time zone), rotated logs first.

    Those of `username`, or of everyone; who showed no valid credentials (401) has no name.

    Fields of interest: `verb`, `objectRef`, `responseStatus.code`, `requestReceivedTimestamp`.
    """
    for file in [*sorted(log.parent.glob(f"{log.stem}-*{log.suffix}")), log]:
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                if not line.endswith("\n"):  # being written
                    return
                event = json.loads(line)
                arrived = datetime.fromisoformat(event["requestReceivedTimestamp"])
                if arrived >= since and username in {None, event["user"].get("username")}:
                    yield event


def is_write(event: dict[str, Any]) -> bool:
    """Tell whether the request could have changed something; a refused one counts, leases count too."""
    return event["verb"] not in READ_VERBS
