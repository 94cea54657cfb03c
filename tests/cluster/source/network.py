"""The node's part of the network: its address, and the removal of what other components set up."""

import subprocess
from itertools import pairwise
from pathlib import Path

from tests.cluster.source.settings import NODE_ADDRESS, NODE_BRIDGE, POD_BRIDGE

SYSCTLS = {
    "net/ipv4/ip_forward": "1",  # pods reach each other's Services through the node
    "net/bridge/bridge-nf-call-iptables": "1",  # rules see packets between two pods of one bridge
}

IPV6_ADDRESSES = Path("/proc/net/if_inet6")
"""Only there where the kernel does IPv6."""

CHAIN_PREFIX = "KUBE-"
"""How the chains of kubelet, kube-proxy and kube-router begin, and the sets (there also in small letters)."""


def prepare() -> None:
    """Give the node its address, and set what packets between pods need."""
    if not _exists(NODE_BRIDGE):
        _ip("link", "add", NODE_BRIDGE, "type", "bridge")
    _ip("address", "replace", f"{NODE_ADDRESS}/32", "dev", NODE_BRIDGE)
    _ip("link", "set", NODE_BRIDGE, "up")
    for name, value in SYSCTLS.items():
        setting = Path("/proc/sys") / name
        if setting.read_text().strip() != value:
            setting.write_text(value)


def remove() -> None:
    """Remove bridges, rules and sets: these outlive their controllers and would falsify the next run."""
    for family in ("iptables", *(["ip6tables"] if IPV6_ADDRESSES.exists() else [])):
        saved = _output(f"{family}-save")
        if CHAIN_PREFIX in saved:
            restore = [f"{family}-restore", "--noflush"]
            subprocess.run(restore, input=removal_of_rules(saved), text=True, check=True)
    for name in _output("ipset", "list", "-name").split():
        if name.upper().startswith(CHAIN_PREFIX):
            subprocess.run(["ipset", "destroy", name], check=True)
    remove_bridges()


def remove_bridges() -> None:
    """Remove the node's and the pods' bridge, and with them the way to pods of a dead cluster.

    A network namespace that was left behind answers for its address, and refuses the connections of a new
    pod that is given the same one.
    """
    for device in (POD_BRIDGE, NODE_BRIDGE):
        if _exists(device):
            _ip("link", "delete", device)


def removal_of_rules(saved: str) -> str:
    """Turn iptables-save's output into input of iptables-restore that removes Kubernetes' chains.

    Rules of other chains go only where they jump to one of those; every other rule and chain stays.
    """
    script: list[str] = []
    chains: list[str] = []
    for line in saved.splitlines():
        word, _, rest = line.partition(" ")
        if word.startswith("*"):
            script.append(line)
        elif word.startswith(f":{CHAIN_PREFIX}"):
            chains.append(word[1:])
            script.append(f":{chains[-1]} - [0:0]")  # declaring empties; only so can it be deleted
        elif word == "-A" and not rest.startswith(CHAIN_PREFIX) and _jumps_to_ours(rest):
            script.append(f"-D {rest}")
        elif word == "COMMIT":
            script += [f"-X {chain}" for chain in chains] + [line]
            chains.clear()
    return "\n".join(script) + "\n"


def _jumps_to_ours(rule: str) -> bool:
    words = rule.split()
    return any(word in {"-j", "-g"} and to.startswith(CHAIN_PREFIX) for word, to in pairwise(words))


def _exists(device: str) -> bool:
    return (Path("/sys/class/net") / device).exists()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
