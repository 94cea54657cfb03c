"""`drawbridge`: the gateway, the bridge, both without a cluster, and API keys.

A command's module is imported when the command is chosen, and what only some of its uses need (the API
server's client, the clouds' SDKs) when they do: whoever asks for --help or makes a key waits for neither.
"""

import argparse
import asyncio
import importlib
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import NoReturn

import uvloop
from typing_extensions import override

from drawbridge_gateway.cli.durations import duration
from drawbridge_gateway.errors import DrawbridgeError

PUBLIC_PORT = 8080
ADMIN_PORT = 9090


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status: 0 done, 1 failed, 2 misused."""
    args = _parser().parse_args(argv)
    command = importlib.import_module(f"drawbridge_gateway.cli.{args.command}")
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            status: int = runner.run(command.run(args))
            return status
    except DrawbridgeError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - for the person at the terminal
        return 1
    except KeyboardInterrupt:
        return 130


class _Parser(argparse.ArgumentParser):
    """Parses a command line; what it repeats of a misused one holds no API key."""

    @override
    def error(self, message: str) -> NoReturn:
        if "dbk_" in message:
            from drawbridge_crds.api_keys import without_secrets  # noqa: PLC0415 - the rest needs no pydantic

            message = without_secrets(message)
        super().error(message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="drawbridge", description="Local-first inference: gateway, bridge, keys.")
    parser.add_argument("--version", action="version", version=f"drawbridge {version('drawbridge-gateway')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    gateway = commands.add_parser("gateway", help="serve OpenAI and Anthropic clients in a cluster")
    _add_addresses(gateway, host="")
    bridge = commands.add_parser("bridge", help="ask the clouds on the gateway's behalf; the only way out")
    _add_addresses(bridge, host="")
    serve = commands.add_parser("serve", help="gateway and bridge without a cluster, from a folder of YAML")
    serve.add_argument(
        "directory", metavar="DIR", help="InferencePool, RoutingPolicy, keys and endpoints.yaml"
    )
    serve.add_argument(
        "--local-only", action="store_true", help="start no bridge: nothing leaves this machine"
    )
    _add_addresses(serve, host="127.0.0.1")
    _add_keys(commands.add_parser("keys", help="make, revoke and list API keys"))
    return parser


def _add_addresses(parser: argparse.ArgumentParser, *, host: str) -> None:
    shown = host or "all addresses"
    parser.add_argument("--host", default=host, help=f"address to listen on (default: {shown})")
    parser.add_argument("--port", type=int, default=PUBLIC_PORT, help="of /v1 (default: %(default)s)")
    parser.add_argument(
        "--admin-port", type=int, default=ADMIN_PORT, help="of /metrics and /status (default: %(default)s)"
    )


def _add_keys(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = actions.add_parser("create", help="make a key and print it, once")
    create.add_argument("name", metavar="NAME", help="for people, such as ci-pipeline")
    create.add_argument("--expires", type=duration, metavar="90d", help="lifetime (default: no end)")
    create.add_argument("--model", action="append", metavar="M", help="only this model; may be repeated")
    revoke = actions.add_parser("revoke", help="withdraw a key")
    revoke.add_argument("id", metavar="ID", help="as `drawbridge keys list` shows it, or the key itself")
    listing = actions.add_parser("list", help="show all keys of a namespace")
    listing.add_argument(
        "--output", choices=["table", "json"], default="table", help="(default: %(default)s)"
    )
    for action in (create, revoke, listing):
        action.add_argument(
            "-n", "--namespace", help="of the tenant (default: the kubeconfig's, or the file's)"
        )
        action.add_argument("--file", metavar="FILE", help="keep keys in this YAML file, not in a cluster")


if __name__ == "__main__":
    sys.exit(main())
