"""The project's images: built from its own Dockerfiles, and put where a cluster's pods find them.

An image's tag is the digest of all that goes into it, so an image that a cluster has is never built again.
Others are built with Docker where an engine answers, else with buildah; thanks to their layer caches a change
of our sources takes seconds.
"""

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.cluster.cache import cache_dir, locked
from tests.cluster.images.builders import Builder, find_builder, scratch
from tests.cluster.images.recipe import Recipe
from tests.cluster.interface import Cluster
from tests.cluster.progress import step

__all__ = ["RECIPES", "build"]

ROOT = Path(__file__).parents[3]

RECIPES = {
    "operator": Recipe(ROOT / "operator/Dockerfile", ROOT),
    "gateway": Recipe(ROOT / "gateway/Dockerfile", ROOT),
    "standin": Recipe(ROOT / "tests/standin/Dockerfile", ROOT),
    "engine": Recipe(ROOT / "tests/cluster/images/engine/Dockerfile", ROOT / "tests/cluster/images/engine"),
}


def build(names: Iterable[str], cluster: Cluster) -> dict[str, str]:
    """Return the reference by which `cluster`'s pods name each image, building and loading those it lacks.

    Raises:
        CommandFailedError: a build or an upload failed; its log is named.
    """
    builder = find_builder()
    refs = {name: cluster.image_ref(name, RECIPES[name].key(builder.python_image)) for name in names}
    with locked(cache_dir() / "images.lock"):
        missing = [name for name, ref in refs.items() if not cluster.has_image(ref)]
        for position, name in enumerate(missing, start=1):
            with step(f"image {name} ({position}/{len(missing)})"):
                _provide(name, refs[name], builder, cluster)
    return refs


def _provide(name: str, ref: str, builder: Builder, cluster: Cluster) -> None:
    with step(f"build {name}"):
        builder.build(RECIPES[name], ref)
    with TemporaryDirectory(dir=scratch()) as folder:
        archive = Path(folder) / "image.docker.tar"
        with step(f"write {name} as an archive"):
            builder.save(ref, archive)
        with step(f"load {name} ({archive.stat().st_size / 1e6:.0f} MB) into the {cluster.kind} cluster"):
            cluster.load_image(ref, archive)
