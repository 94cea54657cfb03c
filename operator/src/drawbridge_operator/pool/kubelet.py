"""What the kubelet says of a container that does not run, in words that stay and that name a remedy. Pure.

Its own differ from one try to the next (ports, back-offs, container ids, pod names): a condition made of
them would flap. The reasons are those of pkg/kubelet (1.36) and of containerd.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from drawbridge_operator.pool.wording import find_words, make_table

PULL_REASONS: Final = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable",
     "ImageInspectError", "SignatureValidationFailed"}
)  # fmt: skip
CONFIG_REASONS: Final = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
NEVER_RAN: Final = frozenset({"StartError", "ContainerCannotRun"})
"""Reasons of an end whose message is the container runtime's; any other may be the engine's own."""

_PULL: Final = make_table(
    (
        r"no match for platform",
        "it has no variant for the node's architecture; build one, or choose other nodes in spec.scheduling",
    ),
    (r"toomanyrequests|\b429\b", "the registry limits pulls; use a mirror, or spec.engine.imagePullSecrets"),
    (r"no space left", "the disk of the node is full; free it, or use a node with a larger one"),
    (
        r"pull access denied",
        "the registry lacks it or wants credentials; correct it, or set spec.engine.imagePullSecrets",
    ),
    (
        r"\bnot ?found\b|manifest unknown",
        "the registry does not have it; correct name and tag, or push it",
    ),
    (
        r"unauthorized|denied|forbidden|authentication|authorize|\b40[13]\b",
        "the registry refuses access; name a Secret with credentials in spec.engine.imagePullSecrets",
    ),
    (
        r"HTTP response to HTTPS",
        "the registry does not speak TLS; configure the node's container runtime for it",
    ),
    (
        r"x509|certificate|tls:",
        "the node does not trust the registry's certificate; configure its container runtime for it",
    ),
    (
        r"no such host|refused|time-?out|unreachable|no route|\bEOF\b|reset by peer|deadline|50[0-9] ",
        "the node cannot reach the registry; check its network, proxy and name server",
    ),
    (r"SignatureValidationFailed", "its signature is not valid; sign it, or change the node's policy"),
    (r"InvalidImageName|invalid reference", "it is not a valid image name; correct it"),
    (r"ErrImageNeverPull|pull policy of Never", "it is not on the node; load it there"),
    flags=re.IGNORECASE,
)
"""Why an image does not come. The order matters: "no match for platform in manifest: not found"."""

_CONFIG: Final = make_table(
    (
        r"image will run as root|non-numeric user",
        "the image must not run as root: give it a numeric USER other than 0",
    ),
    flags=re.IGNORECASE,
)

_START: Final = make_table(
    (r"nvidia", "the node's NVIDIA container runtime fails; check its driver and toolkit"),
    (
        r"executable file not found|no such file or directory",
        "the image lacks the program to run; use an SGLang image",
    ),
    (r"permission denied", "the image's program cannot be executed by this user"),
    flags=re.IGNORECASE,
)
"""Why a container does not start, in the runtime's words. NVIDIA's hook misses files of its own."""

_NODE: Final = make_table(
    (r"low on resource: ephemeral-storage", "its disk was full"),
    (r"low on resource: memory", "its memory was used up; set spec.resources.requests.memory"),
    (r"low on resource: (inodes|pids)", "it ran out of inodes or process ids"),
    (r"exceeds the (total )?limit", "it wrote more than its limit of local storage"),
    (
        r"devices unavailable for|no healthy devices",
        "its GPUs are unhealthy or taken; check the node's device plugin",
    ),
    (r"node shutdown|shutting down", "the node was shut down"),
    flags=re.IGNORECASE,
)

_POD_REFERENCE: Final = re.compile(r' \(pod: "[^"]*", container: [^)]*\)')
"""Names the pod inside a kubelet message; another in each replica."""


def explain_pull(reason: str, message: str) -> str:
    """Say why an image does not come; "" when the kubelet does not."""
    return find_words(f"{reason}: {message}", _PULL)


def explain_config(reason: str, message: str) -> str:
    """Say why a container cannot be made."""
    if reason != "CreateContainerConfigError":  # the message carries container ids: another in each try
        return find_words(message, _START) or reason
    return find_words(message, _CONFIG) or _POD_REFERENCE.sub("", message)


def explain_end(ended: Mapping[str, Any]) -> str:
    """Say how a container ended. Not with the engine's termination message: that could hold a prompt."""
    reason: str = ended.get("reason", "")
    if reason == "OOMKilled":
        return reason
    told = f" ({reason})" if reason not in {"", "Error"} else ""
    return f"exit code {ended.get('exitCode')}{told}"


def explain_failure(status: Mapping[str, Any]) -> str:
    """Say why a node ended a pod for good."""
    reason = status.get("reason") or f"phase {status.get('phase')}"
    why = find_words(status.get("message", ""), _NODE)
    return f"{reason}: {why}" if why else reason
