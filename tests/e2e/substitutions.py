"""What stands on this cluster for what the pages say: plain data, which the pages are compared with."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tests.documentation import Block

NAMESPACE: Final = "docs"


@dataclass(frozen=True, slots=True)
class Substitutions:
    """Texts of the pages, and what is put in their place, in order."""

    everywhere: Mapping[str, str]
    of_page: Mapping[str, Mapping[str, str]]
    """The same for one page alone, before the others."""

    def here(self, page: str, text: str) -> str:
        """Put this cluster's names in the place of the page's."""
        for _, said, meant in self._of(page):
            text = text.replace(said, meant)
        return text

    def unused(self, blocks: Iterable[Block]) -> list[str]:
        """List the texts that none of these blocks says any more, those of one page as `PAGE: TEXT`."""
        waiting = {("", said) for said in self.everywhere}
        waiting |= {(page, said) for page, names in self.of_page.items() for said in names}
        for block in blocks:
            text = block.text
            for page, said, meant in self._of(block.page):
                if said in text:
                    waiting.discard((page, said))
                    text = text.replace(said, meant)
        return sorted(f"{page}: {said}" if page else said for page, said in waiting)

    def _of(self, page: str) -> Iterator[tuple[str, str, str]]:
        """Yield what counts for a page, in order: whose it is ("": everybody's), text, replacement."""
        for whose, names in ((page, self.of_page.get(page, {})), ("", self.everywhere)):
            yield from ((whose, said, meant) for said, meant in names.items())


def substitutions(
    ports: tuple[int, int, int, int], *, storage_class: str | None, engine_image: str, cloud_key: str
) -> Substitutions:
    """Return those of an installation; `ports`: its gateway's, then the laptop's gateway, admin, cloud."""
    gateway, *of_laptop = ports
    return Substitutions(_everywhere(gateway, storage_class, engine_image, cloud_key), _of_pages(*of_laptop))


def _everywhere(gateway: int, storage_class: str | None, engine_image: str, cloud_key: str) -> dict[str, str]:
    return {
        "team-a": NAMESPACE,
        "http://drawbridge-gateway.drawbridge-system": f"http://127.0.0.1:{gateway}",
        "8080:80": f"{gateway}:80",
        "127.0.0.1:8080": f"127.0.0.1:{gateway}",
        # one small machine, a small model, and whatever volumes there are
        'requests: {cpu: "8", memory: 24Gi}': "requests: {cpu: 250m, memory: 1500Mi}",
        "limits: {memory: 32Gi}": "limits: {memory: 4Gi}",
        "storageClassName: standard": f"storageClassName: {storage_class}" if storage_class else "",
        "image: busybox:1.37": f"image: {engine_image}",
        # the stand-in for the cloud
        "provider: Anthropic": "provider: Anthropic\n    baseURL: https://standin.cloud.svc.cluster.local"
        "\n    caBundleRef: {name: cloud-ca}",
        "YOUR-ANTHROPIC-KEY": cloud_key,
        # the installation that all tests use stays as it is
        "helm upgrade --install": "helm upgrade --dry-run=server --install",
    }


def _of_pages(gateway: int, admin: int, cloud: int) -> dict[str, dict[str, str]]:
    # the key of the page before: README shows only its beginning
    return {
        "README.md": {'"dbk_..."': '__import__("os").environ["API_KEY"]'},
        "examples/laptop/README.md": {
            "--host 127.0.0.1 ": f"--host 127.0.0.1 --port {cloud} ",
            "serve examples/laptop ": f"serve examples/laptop --port {gateway} --admin-port {admin} ",
            "127.0.0.1:8080": f"127.0.0.1:{gateway}",
        },
    }
