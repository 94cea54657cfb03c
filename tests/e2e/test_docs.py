"""The pages of the documentation work as they stand: every block, in order, against an installed Drawbridge.

What a page cannot know of this cluster is put in the place of what it says: its namespace, its small model,
the stand-in for the cloud (substitutions.py beside this). What a block may be: tests/documentation.py.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from examples.demo.tenant import remove_tenant
from tests.cluster.images.engine import tiny_model
from tests.cluster.kubectl import apply, kubectl
from tests.documentation import IN_ORDER, ROOT, Block, blocks_of, commands, matches
from tests.e2e.conftest import Installed
from tests.e2e.shell import CommandFailedError, Shell, terminal
from tests.e2e.substitutions import NAMESPACE, Substitutions, substitutions
from tests.free_ports import free_ports
from tests.standin.server import DEFAULT_API_KEY

MODEL_FOLDER = "qwen2.5-coder-7b-instruct-awq"
WITHIN_S = 300.0
"""For one block: a CPU takes half a minute to load the small model, more beside other tests."""


@dataclass(slots=True)
class Stage:
    """Where the pages are played."""

    shell: Shell
    folder: Path
    substitutions: Substitutions

    def here(self, block: Block, text: str) -> str:
        """Put this cluster's names in the place of the page's."""
        return self.substitutions.here(block.page, text)


@pytest.fixture(scope="module")
def stage(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("docs")
    tiny_model.write(folder / MODEL_FOLDER)
    installed.cluster.ensure_volumes()
    remove_tenant(installed.cluster, NAMESPACE)  # of the last run, whose end nobody waited for
    _make_namespace(installed)
    installed_gateway, gateway, admin, cloud = free_ports(4)
    copy_laptop(folder, cloud_port=cloud)
    try:
        with terminal(installed.cluster, folder) as shell:
            names = substitutions(
                (installed_gateway, gateway, admin, cloud),
                storage_class=installed.cluster.storage_class,
                engine_image=installed.images["engine"],
                cloud_key=DEFAULT_API_KEY,
            )
            yield Stage(shell, folder, names)
    finally:
        _let_go(installed)


def copy_laptop(folder: Path, *, cloud_port: int) -> None:
    """Copy the example of one machine, without what a person made there, and with another cloud's address."""
    made_by_hand = shutil.ignore_patterns("tls", "keys.yaml", "cloud-ca.yaml", "__pycache__")
    shutil.copytree(ROOT / "examples/laptop", folder / "examples/laptop", ignore=made_by_hand)
    policy = folder / "examples/laptop/policy.yaml"
    policy.write_text(policy.read_text().replace(":8443", f":{cloud_port}"))


def _make_namespace(installed: Installed) -> None:
    """Make the tenant, which the first page finds there, and the authority of the stand-in for the cloud."""
    bundle = {
        "metadata": {"name": "cloud-ca", "namespace": NAMESPACE},
        "data": {"ca.crt": installed.authority},
    }
    for item in ({"kind": "Namespace", "metadata": {"name": NAMESPACE}}, {"kind": "ConfigMap"} | bundle):
        apply(installed.cluster, json.dumps({"apiVersion": "v1"} | item))


def _let_go(installed: Installed) -> None:
    """Remove the tenant without waiting for its end: that takes ten seconds, and nobody needs its name."""
    kubectl(installed.cluster, "delete", "namespace", NAMESPACE, "--wait=false")
    kubectl(
        installed.cluster, "delete", "pods", "--all", "--namespace", NAMESPACE, "--grace-period=0", "--force"
    )


@pytest.mark.parametrize("page", IN_ORDER)
def test_page_works_as_it_stands(page: str, stage: Stage) -> None:
    for block in blocks_of(page):
        if block.is_run:
            try:
                _play(block, stage)
            except CommandFailedError as error:
                pytest.fail(f"{block.place}: {error}")


def _play(block: Block, stage: Stage) -> None:
    """Do with a block what a reader does."""
    text = stage.here(block, block.text)
    if block.title:
        (stage.folder / block.title).write_text(text)
    elif block.language == "yaml":
        _run_file("kubectl apply --dry-run=server --validate=strict --filename", text, stage)
    elif block.language == "python":
        _run_file("python", text, stage)
    else:
        for command in commands(block):
            printed = stage.shell.run(stage.here(block, command.script), within_s=WITHIN_S)
            expected = stage.here(block, command.expected)
            if expected and not matches(expected, printed):
                pytest.fail(
                    f"{block.place}: {command.script}printed:\n{printed}\nthe page shows:\n{expected}"
                )


def _run_file(command: str, text: str, stage: Stage) -> None:
    path = stage.folder / ".block"
    path.write_text(text)
    stage.shell.run(f"{command} {path}\n", within_s=WITHIN_S)
