"""Command line: `python -m tests.standin [serve|ca] --tls-dir DIR ...`."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from .server import DEFAULT_API_KEY, make_server
from .tls import ensure_tls


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    serve = options.command == "serve"
    try:
        tls = ensure_tls(options.tls_dir, options.name, now=datetime.now(UTC), ca_needed=not serve)
    except (OSError, ValueError) as error:
        print(
            f"standin: {options.tls_dir} holds no usable certificate, and none can be written: {error}",
            file=sys.stderr,
        )
        return 1
    print(f"standin: certificate {tls.certificate}, its authority {tls.ca}", flush=True)
    if serve:
        server = make_server(tls, options.api_key, host=options.host, port=options.port)
        server.run()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.standin",
        description="A cloud for tests: Anthropic Messages and OpenAI over https.",
    )
    parser.add_argument(
        "command", nargs="?", choices=["serve", "ca"], default="serve", help="ca: make only the certificates"
    )
    parser.add_argument(
        "--tls-dir", type=Path, required=True, help="ca.crt, tls.crt and tls.key; made when not there"
    )
    parser.add_argument(
        "--name",
        action="append",
        default=[],
        help="further DNS name or IP address of the server; may be repeated",
    )
    parser.add_argument("--host", default="0.0.0.0", help="address to listen on (default %(default)s)")  # noqa: S104 - a pod
    parser.add_argument("--port", type=int, default=8443, help="port to listen on (default %(default)s)")
    parser.add_argument("--api-key", default=DEFAULT_API_KEY, help="the key it accepts (default %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
