"""Building images with Docker or with buildah. Both read the same Dockerfiles and keep their own layers."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar, Protocol

from tests.cluster.cache import cache_dir, content_key
from tests.cluster.images import python_base
from tests.cluster.images.recipe import Recipe
from tests.cluster.progress import run, step

DOCKER_ANSWERS_WITHIN_S = 10

DEBIAN_CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")


class Builder(Protocol):
    """Something that reads Dockerfiles."""

    @property
    def python_image(self) -> str:
        """The image that PYTHON_IMAGE names in the Dockerfiles; empty: their default."""

    def build(self, recipe: Recipe, ref: str) -> None:
        """Build the image and name it `ref`."""

    def save(self, ref: str, archive: Path) -> None:
        """Write the image to a tar file in docker format, without compression: the cluster is near."""


@dataclass(frozen=True, slots=True)
class Docker:
    """The engine that `docker` talks to."""

    python_image: str

    ENVIRONMENT: ClassVar = {
        "DOCKER_BUILDKIT": "1",  # RUN --mount needs it
        "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",  # with them an image is an index, which kind does not load
    }

    def build(self, recipe: Recipe, ref: str) -> None:
        """See Builder."""
        options = build_options(recipe, ref, self.python_image, ca_bundle(os.environ))
        run(["docker", "build", *options], log=_log("docker-build"), environment=self.ENVIRONMENT)

    def save(self, ref: str, archive: Path) -> None:
        """See Builder."""
        run(["docker", "save", f"--output={archive}", ref], log=_log("docker-save"))


@dataclass(frozen=True, slots=True)
class Buildah:
    """buildah, as root and without any service; its images lie in the cache.

    No registry is asked: the base image is made of Debian packages, unless another one is named.
    """

    python_image: str
    storage: Path

    ISOLATION: ClassVar = "--isolation=chroot"  # needs fewer rights of this machine than a container

    def build(self, recipe: Recipe, ref: str) -> None:
        """See Builder."""
        self._ensure_base()
        options = build_options(recipe, ref, self.python_image, ca_bundle(os.environ))
        self._run("build", self.ISOLATION, "--layers", *options, log="buildah-build")
        self._remove(outdated(self._images(), ref))

    def save(self, ref: str, archive: Path) -> None:
        """See Builder."""
        self._run("push", ref, f"docker-archive:{archive}:{ref}", log="buildah-push")

    def _ensure_base(self) -> None:
        if self.python_image != python_base.ref() or self.python_image in self._images():
            return
        with (
            step("make a Python base image from Debian packages"),
            TemporaryDirectory(dir=scratch()) as folder,
        ):
            python_base.make_context(Path(folder))
            self._run("build", self.ISOLATION, f"--tag={self.python_image}", folder, log="buildah-build")

    def _images(self) -> list[str]:
        listing = [*self._command(), "images", "--format={{.Name}}:{{.Tag}}"]
        return subprocess.run(listing, capture_output=True, text=True, check=True).stdout.splitlines()

    def _remove(self, refs: list[str]) -> None:
        """Remove images, the layers that no other image has, and what a killed build left of them."""
        if refs:
            self._run("rmi", "--force", *refs, log="buildah-rmi")

    def _run(self, *arguments: str, log: str) -> None:
        # buildah keeps what RUN --mount=type=cache shares below TMPDIR
        run([*self._command(), *arguments], log=_log(log), environment={"TMPDIR": str(scratch())})

    def _command(self) -> list[str]:
        # what is mounted is noted in the run root, which must therefore not outlive a restart of the machine
        run_root = Path("/run") / f"drawbridge-buildah-{content_key(str(self.storage))}"
        return ["buildah", f"--root={self.storage}", f"--runroot={run_root}"]


def find_builder() -> Builder:
    """Return Docker where an engine answers, else buildah. PYTHON_IMAGE names another base image."""
    python_image = os.environ.get("PYTHON_IMAGE", "")
    if docker_answers():
        return Docker(python_image)
    return Buildah(python_image or python_base.ref(), cache_dir() / "buildah")


def build_options(recipe: Recipe, ref: str, python_image: str, ca_file: Path | None) -> list[str]:
    """Return what Docker and buildah are told alike."""
    return [
        f"--file={recipe.dockerfile}",
        f"--tag={ref}",
        *([f"--build-arg=PYTHON_IMAGE={python_image}"] if python_image else []),
        *([f"--secret=id=ca-bundle,src={ca_file}"] if ca_file else []),
        str(recipe.context),
    ]


def outdated(images: list[str], ref: str) -> list[str]:
    """Return the images that differ from `ref` in nothing but the tag."""
    name, _, _ = ref.rpartition(":")
    return [image for image in images if image.rpartition(":")[0] == name and image != ref]


def ca_bundle(environment: Mapping[str, str]) -> Path | None:
    """Return the certificates that this machine trusts, so that builds work where TLS is inspected."""
    named = environment.get("SSL_CERT_FILE")
    bundle = Path(named) if named else DEBIAN_CA_BUNDLE
    return bundle if bundle.is_file() else None


def scratch() -> Path:
    """Return a folder for large temporary files, on the same disk as the cache."""
    folder = cache_dir() / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def docker_answers() -> bool:
    """Tell whether a Docker engine answers: a client alone proves nothing."""
    try:
        told = subprocess.run(
            ["docker", "info"], capture_output=True, timeout=DOCKER_ANSWERS_WITHIN_S, check=False
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
    return told.returncode == 0


def _log(name: str) -> Path:
    return cache_dir() / "logs" / f"{name}.log"
