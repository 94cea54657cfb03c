"""Where the cluster keeps its state, and the names, addresses and ports that it uses."""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.cluster.interface import NoClusterError

NODE_NAME: Final = "node-1"

POD_BRIDGE: Final = "drawbridge-pods"
"""The bridge of the pods; the network plugin gives it their gateway's address and suffers no other."""

NODE_BRIDGE: Final = "drawbridge-node"
"""An empty bridge that carries NODE_ADDRESS (not every kernel has dummy devices)."""

TEST_RANGE: Final = "198.18.0.0/15"
"""Set aside for tests by RFC 2544: all addresses of the cluster lie here, and none leaves the machine."""

POD_RANGE: Final = "198.18.0.0/24"
SERVICE_RANGE: Final = "198.19.0.0/24"
API_SERVICE_ADDRESS: Final = "198.19.0.1"
DNS_SERVICE_ADDRESS: Final = "198.19.0.10"

NODE_ADDRESS: Final = "198.18.255.1"
"""The node's own address: it stays when the machine's address changes, and works without a network.

API server and kubelet listen here and on no address of the machine: the local network does not reach them.
"""

LOOPBACK: Final = "127.0.0.1"

API_SERVER_PORT: Final = 6443

PORTS: Final[Mapping[str, tuple[tuple[str, int], ...]]] = {
    "etcd": ((LOOPBACK, 2379), (LOOPBACK, 2380)),
    "kube-apiserver": ((NODE_ADDRESS, API_SERVER_PORT),),
    "kube-controller-manager": ((LOOPBACK, 10257),),
    "kube-scheduler": ((LOOPBACK, 10259),),
    "kubelet": ((NODE_ADDRESS, 10250), (LOOPBACK, 10248)),
    "kube-proxy": ((LOOPBACK, 10249), (LOOPBACK, 10256)),
}
"""What each component listens on: Kubernetes' usual ports."""

NARROW_NODE_PORTS: Final = "32760-32767"
"""Small, since kube-router lets every pod, strict ones too, reach host listeners in the NodePort range."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the state lies (absolute, no symbolic links) and the two leaks that can be opened on purpose."""

    state: Path
    node_ports: str = NARROW_NODE_PORTS
    link_local: bool = False

    @property
    def socket(self) -> Path:
        """Where containerd listens."""
        return self.state / "containerd" / "containerd.sock"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig, complete in one file."""
        return self.state / "admin.kubeconfig"

    @property
    def audit_log(self) -> Path:
        """Where the API server writes one JSON line for each finished request."""
        return self.state / "log" / "audit.log"


def bypass_proxies(environment: MutableMapping[str, str]) -> None:
    """Let clients that inherit `environment` reach the cluster directly, whatever proxy it names."""
    for name in ("NO_PROXY", "no_proxy"):
        known = environment.get(name, "").split(",")
        environment[name] = ",".join(
            entry for entry in dict.fromkeys([*known, LOOPBACK, TEST_RANGE]) if entry
        )


def read_settings(state: Path, environment: Mapping[str, str]) -> Settings:
    """Read the options for leaky clusters: NODEPORTS (such as 30000-32767) and LINK_LOCAL (on or off).

    By default pods have no IPv6 link-local address: NetworkPolicies for IPv4 do not see those, and a strict
    pod would reach the node through them.

    Raises:
        NoClusterError: an option says something else.
    """
    link_local = environment.get("LINK_LOCAL", "off")
    if link_local not in {"on", "off"}:
        raise NoClusterError(f"LINK_LOCAL={link_local}: write on or off")
    node_ports = environment.get("NODEPORTS", NARROW_NODE_PORTS)
    first, _, last = node_ports.partition("-")
    if not (first.isdigit() and last.isdigit() and 0 < int(first) <= int(last) < 2**16):
        raise NoClusterError(f"NODEPORTS={node_ports}: write FIRST-LAST, such as {NARROW_NODE_PORTS}")
    return Settings(state=state.resolve(), node_ports=node_ports, link_local=link_local == "on")
