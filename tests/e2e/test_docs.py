"""The pages of the documentation work as they stand: every block, in order, against an installed Drawbridge.

What a page cannot know of this cluster is put in the place of what it says (`Stage.here`): its namespace,
its small model, the stand-in for the cloud. `docs/` and what a block may be: tests/documentation.py.
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
from tests.free_ports import free_ports
from tests.standin.server import DEFAULT_API_KEY

NAMESPACE = "docs"
MODEL_FOLDER = "qwen2.5-coder-7b-instruct-awq"
WITHIN_S = 300.0
"""For one block: a CPU takes half a minute to load the small model, more beside other tests."""


@dataclass(slots=True)
class Stage:
    """Where the pages are played."""

    shell: Shell
    folder: Path
    everywhere: dict[str, str]
    """What stands here for what the pages say."""

    of_page: dict[str, dict[str, str]]
    """The same for one page alone, before the others."""

    def here(self, block: Block, text: str) -> str:
        """Put this cluster's names in the place of the page's."""
        for names in (self.of_page.get(block.page, {}), self.everywhere):
            for said, meant in names.items():
                text = text.replace(said, meant)
        return text


@pytest.fixture(scope="module")
def stage(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("docs")
    tiny_model.write(folder / MODEL_FOLDER)
    installed.cluster.ensure_volumes()
    remove_tenant(installed.cluster, NAMESPACE)  # of the last run, whose end nobody waited for
    _make_namespace(installed)
    ports = free_ports(4)
    copy_laptop(folder, cloud_port=ports[-1])
    try:
        with terminal(installed.cluster, folder) as shell:
            yield Stage(shell, folder, _everywhere(installed, ports[0]), _of_pages(ports))
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


def _everywhere(installed: Installed, gateway_port: int) -> dict[str, str]:
    storage_class = installed.cluster.storage_class
    return {
        "team-a": NAMESPACE,
        "http://drawbridge-gateway.drawbridge-system": f"http://127.0.0.1:{gateway_port}",
        "8080:80": f"{gateway_port}:80",
        "127.0.0.1:8080": f"127.0.0.1:{gateway_port}",
        # one small machine, a small model, and whatever volumes there are
        'requests: {cpu: "8", memory: 24Gi}': "requests: {cpu: 250m, memory: 1500Mi}",
        "limits: {memory: 32Gi}": "limits: {memory: 4Gi}",
        "storageClassName: standard": f"storageClassName: {storage_class}" if storage_class else "",
        "image: busybox:1.37": f"image: {installed.images['engine']}",
        # the stand-in for the cloud
        "provider: Anthropic": "provider: Anthropic\n    baseURL: https://standin.cloud.svc.cluster.local"
        "\n    caBundleRef: {name: cloud-ca}",
        "YOUR-ANTHROPIC-KEY": DEFAULT_API_KEY,
        # the installation that all tests use stays as it is
        "helm upgrade --install": "helm upgrade --dry-run=server --install",
    }


def _of_pages(ports: list[int]) -> dict[str, dict[str, str]]:
    _, gateway, admin, cloud = ports
    # the key of the page before: README shows only its beginning
    return {
        "README.md": {'"dbk_..."': '__import__("os").environ["API_KEY"]'},
        "examples/laptop/README.md": {
            "--host 127.0.0.1 ": f"--host 127.0.0.1 --port {cloud} ",
            "serve examples/laptop ": f"serve examples/laptop --port {gateway} --admin-port {admin} ",
            "127.0.0.1:8080": f"127.0.0.1:{gateway}",
        },
    }


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
