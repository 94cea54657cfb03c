"""What a command imports before it does anything: each waits for its own libraries only."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = """
import json, sys
from drawbridge_gateway.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""

MODULE = """
import importlib, json, sys
importlib.import_module(sys.argv[1])
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""

CLOUDS = {"anthropic", "openai"}
API_SERVER = {"aiohttp", "kubernetes", "requests"}
SERVERS = {"fastapi", "structlog", "uvicorn"}


def imported(program: str, *args: str) -> set[str]:
    """Run a program in a process of its own; return the packages it imported, printed in its last line."""
    command = [sys.executable, "-c", program, *args]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "args",
    ["--help", "--version", "gateway --help", "bridge --help", "serve --help", "keys --help", "serve"],
)
def test_help_needs_the_standard_library_alone(args: str) -> None:
    found = imported(COMMAND, *args.split())
    assert found & {*CLOUDS, *API_SERVER, *SERVERS, "pydantic", "rich", "yaml"} == set()


@pytest.mark.parametrize(
    ("args", "tables"),
    [
        pytest.param("create ci", set(), id="create"),
        pytest.param("list --output json", set(), id="list as JSON"),
        pytest.param("list", {"rich"}, id="list as a table"),
    ],
)
def test_keys_in_a_file_need_no_cluster(args: str, tables: set[str], tmp_path: Path) -> None:
    found = imported(COMMAND, "keys", *args.split(), "--file", str(tmp_path / "keys.yaml"))
    assert found & {*CLOUDS, *API_SERVER, *SERVERS, "rich"} == tables


@pytest.mark.parametrize(
    ("command", "others"),
    [
        pytest.param("gateway", CLOUDS, id="the gateway asks no cloud"),
        pytest.param("serve", CLOUDS | {"kubernetes"}, id="serve alone asks neither cloud nor API server"),
        pytest.param("local_bridge", {"kubernetes"}, id="serve with a bridge asks no API server"),
        pytest.param("keys", CLOUDS | API_SERVER | SERVERS | {"rich"}, id="keys"),
        pytest.param("cluster_keys", CLOUDS | SERVERS | {"rich"}, id="keys in a cluster"),
    ],
)
def test_a_command_imports_no_other_ones_libraries(command: str, others: set[str]) -> None:
    assert imported(MODULE, f"drawbridge_gateway.cli.{command}") & others == set()
