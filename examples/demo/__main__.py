"""`make demo` and `make demo-down`: Drawbridge in a real Kubernetes, asked by the official SDKs."""

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import yaml
from drawbridge_crds.policy import RoutingPolicy
from rich.console import Console

from examples.demo.scenario import QUESTIONS, Answer, Question, ask, ask_all
from examples.demo.table import answers_table, console_width
from examples.demo.tenant import (
    HERE,
    engine_pods,
    make_key,
    make_tenant,
    manifest,
    remove_tenant,
    scale,
    wait_available,
    wait_in_force,
)
from tests.cluster import installation
from tests.cluster.cache import cache_dir
from tests.cluster.images import build
from tests.cluster.kubectl import ToolFailedError, port_forward, wait_for
from tests.cluster.progress import CommandFailedError, step, summary
from tests.cluster.provider import NoClusterError, find_or_make, take_down

if TYPE_CHECKING:
    from tests.cluster.interface import Cluster

POOLS = ("coder", "vault")

LOUD = """\
[bold yellow]privacy.requireProof=false[/]: isolation is not measured yet, so this demo answers strict
requests without proof. Never set it where the privacy of a request matters."""

AFTERWARDS = """\
Talk to it yourself:

  export KUBECONFIG={kubeconfig}
  {kubectl} -n drawbridge-system port-forward service/drawbridge-gateway 8080:80 &
  curl http://127.0.0.1:8080/v1/chat/completions -H 'authorization: Bearer {key}' \\
    -H 'content-type: application/json' -H 'x-drawbridge-task: test-generation' \\
    -d '{{"model": "auto", "max_tokens": 24, "messages": [{{"role": "user", "content": "Hello"}}]}}'
  {kubectl} get dbpool,dbpolicy -n team-a -o wide

`make demo-down` ends it."""


def up() -> None:
    """Bring up everything, ask, show the table, and say how to go on."""
    console = Console(width=console_width())
    console.print(LOUD)
    with step("find or make a Kubernetes cluster"):
        cluster = find_or_make()
    with step("build and load the images"):
        images = build(installation.IMAGES, cluster)
    with step("install Drawbridge and a stand-in for the cloud"):
        authority = installation.install_cloud(cluster, images)
        installation.install_drawbridge(cluster, images, HERE / "values.yaml")
    with step("apply the example pools and policy"):
        make_tenant(cluster, images, authority)
    for pool in POOLS:
        with step(f"wait until pool {pool} has loaded its model"):
            wait_available(cluster, pool)
    with step("wait until the policy is in force"):
        wait_in_force(cluster)
    key = make_key(cluster, "demo")
    policy = RoutingPolicy.model_validate(yaml.safe_load(manifest("policy.yaml")))
    with step("ask"), port_forward_to_gateway(cluster) as base_url:
        answers = [*ask_all(QUESTIONS, base_url=base_url, key=key, policy=policy)]
        answers.append(ask_without_replicas(cluster, base_url, key, policy))
    console.print(answers_table(answers, policy.spec.currency))
    console.print(summary(), highlight=False)
    console.print(
        AFTERWARDS.format(kubeconfig=cluster.kubeconfig, kubectl=cluster.kubectl, key=key),
        highlight=False, markup=False, soft_wrap=True,
    )  # fmt: skip


@contextlib.contextmanager
def port_forward_to_gateway(cluster: "Cluster") -> Iterator[str]:
    """Yield the gateway's URL on this machine."""
    log = cache_dir() / "logs" / "port-forward.log"
    with port_forward(
        cluster, installation.SYSTEM_NAMESPACE, "service/drawbridge-gateway", 80, log=log
    ) as address:
        yield f"http://{address}"


def ask_without_replicas(cluster: "Cluster", base_url: str, key: str, policy: RoutingPolicy) -> Answer:
    """Scale the everyday pool to 0, ask again, and scale it back: the cloud answers where policy allows."""
    scale(cluster, "coder", 0)
    wait_for("coder's replica to leave", lambda: not engine_pods(cluster, "coder"), within_s=120)
    answer = ask(Question("openai", "test-generation"), base_url=base_url, key=key, policy=policy)
    scale(cluster, "coder", 1)
    return replace(answer, note="no replica")


def down() -> None:
    """Remove what `up` made: the whole cluster where it was made here, else Drawbridge and the example."""
    if os.environ.get("CLUSTER") != "existing":
        with step("take down the cluster"):
            take_down()
        return
    cluster = find_or_make()
    with step("remove the example and Drawbridge"):
        remove_tenant(cluster)
        installation.uninstall(cluster)


def main() -> int:
    """Run `up` or `down`; expected failures are one clear text on standard error."""
    try:
        {"up": up, "down": down}[sys.argv[1]]()
    except (CommandFailedError, NoClusterError, ToolFailedError, OSError) as error:
        print(f"\ndrawbridge demo: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
