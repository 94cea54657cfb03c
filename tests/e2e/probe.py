"""Tries targets from inside a pod: `python3 - ROUNDS PROTOCOL:HOST:PORT ...`, each target each round.

Prints as JSON how often each was reached. A blocked attempt may show as a refusal or a time-out; only an
answer counts as reached.
"""

import json
import socket
import sys

TIMEOUT_S = 0.15
"""A pod or the node of the same cluster answers in about a millisecond."""

DNS_QUERY = (
    b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"  # one question
    b"\x0akubernetes\x07default\x03svc\x07cluster\x05local\x00\x00\x01\x00\x01"
)

rounds, targets = int(sys.argv[1]), sys.argv[2:]


def reached(target: str) -> bool:
    """Try one target once."""
    protocol, host, port = target.split(":")
    address = (host, int(port))
    try:
        if protocol == "tcp":
            with socket.create_connection(address, timeout=TIMEOUT_S):
                return True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(TIMEOUT_S)
            udp.sendto(DNS_QUERY, address)
            return bool(udp.recv(512))
    except OSError:
        return False


counts = dict.fromkeys(targets, 0)
for _ in range(rounds):
    for target in targets:
        counts[target] += reached(target)
sys.stdout.write(json.dumps(counts))
