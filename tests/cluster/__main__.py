"""`python -m tests.cluster up|down|status|kubeconfig`: the cluster for a person at a terminal."""

import argparse
import json
import sys

from tests.cluster import provider
from tests.cluster.interface import Cluster, NoClusterError, Status
from tests.cluster.kubectl import ToolFailedError, helm, kubectl
from tests.cluster.progress import CommandFailedError, summary
from tests.cluster.source.processes import StartFailedError


def main(arguments: list[str]) -> int:
    """Do what the command line says; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except (
        NoClusterError,
        StartFailedError,
        CommandFailedError,
        ToolFailedError,
        TimeoutError,
    ) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130  # as shells say: ended by SIGINT; what was being started is stopped by now


def _run(options: argparse.Namespace) -> int:
    match options.command:
        case "up":
            cluster = provider.find_or_make()
            print(describe(cluster), summary(), sep="\n\n")
            return 0
        case "down":
            provider.take_down(purge=options.purge)
            return 0
        case "kubeconfig":
            return _print_kubeconfig(provider.status())
        case _:
            return _print_status(provider.status(), as_json=options.output == "json")


def describe(cluster: Cluster) -> str:
    """Say what the cluster is and how to talk to it."""
    versions = json.loads(kubectl(cluster, "version", "--output", "json"))
    facts = {
        "cluster": cluster.kind,
        "kubernetes": versions["serverVersion"]["gitVersion"],
        "kubeconfig": cluster.kubeconfig,
        "kubectl": f"{cluster.kubectl} ({versions['clientVersion']['gitVersion']})",
        "helm": f"{cluster.helm} ({helm(cluster, 'version', '--template', '{{.Version}}')})",
        "storage class": cluster.storage_class or "the cluster's default",
        "audit log": cluster.audit_log or "not readable here",
    }
    return "\n".join(f"{name + ':':<15}{value}" for name, value in facts.items())


def _print_status(status: Status, *, as_json: bool) -> int:
    facts = {
        "kind": status.kind,
        "ready": status.ready,
        "kubeconfig": str(status.kubeconfig) if status.kubeconfig else None,
        "details": dict(status.details),
    }
    if as_json:
        print(json.dumps(facts))
    else:
        lines = [f"{status.kind} cluster, {'ready' if status.ready else 'not ready'}"]
        lines += [f"  {name}: {value}" for name, value in status.details.items()]
        print("\n".join(lines))
    return 0 if status.ready else 1


def _print_kubeconfig(status: Status) -> int:
    if status.kubeconfig is None:
        print("no cluster: python -m tests.cluster up", file=sys.stderr)
        return 1
    print(status.kubeconfig)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=provider.__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="find or make a healthy cluster")
    down = commands.add_parser("down", help="end it and all that is its own")
    down.add_argument("--purge", action="store_true", help="remove its images, keys and logs too")
    status = commands.add_parser("status", help="tell whether it is ready; exit status 1 when not")
    status.add_argument("--output", choices=["text", "json"], default="text")
    commands.add_parser("kubeconfig", help="print the path of its kubeconfig")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
