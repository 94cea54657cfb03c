import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.cluster import images
from tests.cluster.images import builders, python_base
from tests.cluster.images.recipe import Recipe
from tests.cluster.interface import Kind


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    (tmp_path / "package" / "__pycache__").mkdir(parents=True)
    for name in ("lock", "package/module.py", "package/__pycache__/module.pyc", "not-copied"):
        (tmp_path / name).write_text(name)
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(
        "FROM base AS first\nCOPY lock ./\nFROM base\n"
        "COPY --chmod=0755 package lock /opt/\nCOPY --from=first /opt/venv /opt/venv\n"
    )
    return Recipe(dockerfile, tmp_path)


def test_a_recipe_reads_from_its_dockerfile_what_is_copied(recipe: Recipe) -> None:
    copied = [file.relative_to(recipe.context).as_posix() for file in recipe.copied_files()]
    assert copied == ["lock", "package/module.py", "lock"]


def test_a_copy_of_what_does_not_exist_is_an_error(recipe: Recipe) -> None:
    (recipe.context / "lock").unlink()
    with pytest.raises(FileNotFoundError, match=r"Dockerfile: COPY names .*/lock"):
        recipe.key("base")


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        pytest.param("package/module.py", True, id="a copied source makes another image"),
        pytest.param("Dockerfile", True, id="so does the Dockerfile"),
        pytest.param("not-copied", False, id="what is not copied makes no difference"),
        pytest.param("package/__pycache__/module.pyc", False, id="nor does what Python left behind"),
    ],
)
def test_the_key_follows_the_content(recipe: Recipe, name: str, *, changes: bool) -> None:
    before = recipe.key("base")
    with (recipe.context / name).open("a") as file:
        file.write("\n# changed\n")
    assert (recipe.key("base") != before) is changes


def test_the_key_follows_names(recipe: Recipe) -> None:
    before = recipe.key("base")
    (recipe.context / "package" / "module.py").rename(recipe.context / "package" / "renamed.py")
    assert recipe.key("base") != before


def test_the_key_follows_the_base_image(recipe: Recipe) -> None:
    assert recipe.key("python:3.12-slim") != recipe.key("python:3.13-slim")


@pytest.mark.parametrize("name", images.RECIPES)
def test_every_recipe_has_all_that_it_copies(name: str) -> None:
    assert list(images.RECIPES[name].copied_files())


@pytest.mark.parametrize("name", images.RECIPES)
def test_no_recipe_takes_files_in_a_way_that_its_key_does_not_see(name: str) -> None:
    text = images.RECIPES[name].dockerfile.read_text()
    assert not re.findall(r"^ADD .*|^COPY .*[\\*\[<].*|.*--mount=type=bind.*", text, re.MULTILINE)


@pytest.mark.parametrize("name", images.RECIPES)
def test_every_image_runs_as_a_numbered_user_without_rights(name: str) -> None:
    users = re.findall(r"^USER (.*)$", images.RECIPES[name].dockerfile.read_text(), re.MULTILINE)
    assert users[-1:] == ["65532:65532"]


def test_operator_and_gateway_are_built_alike() -> None:
    """Their Dockerfiles differ in names and descriptions only: a fix to one belongs into the other."""

    def anonymous(name: str, command: str) -> list[str]:
        text = images.RECIPES[name].dockerfile.read_text().replace(f'["{command}"]', '["COMMAND"]')
        copies_of_locks = {f"COPY {part}/pyproject.toml {part}/" for part in ("crds", "operator", "gateway")}
        lines = [
            line for line in text.splitlines() if "description=" not in line and not line.startswith("# The")
        ]
        return [line if line in copies_of_locks else line.replace(name, "NAME") for line in lines]

    operator, gateway = anonymous("operator", "drawbridge-operator"), anonymous("gateway", "drawbridge")
    own = {"COPY operator/pyproject.toml operator/", "COPY gateway/pyproject.toml gateway/"}
    assert [line for line in operator if line not in own] == [line for line in gateway if line not in own]


@dataclass
class RecordingBuilder:
    python_image: str = "base"
    did: list[str] = field(default_factory=list)

    def build(self, recipe: Recipe, ref: str) -> None:
        self.did.append(f"build {recipe.dockerfile.parent.name} as {ref.partition(':')[0]}")

    def save(self, ref: str, archive: Path) -> None:
        self.did.append(f"save {ref.partition(':')[0]}")
        archive.write_text(ref)


@dataclass
class RecordingCluster:
    """A cluster that has `present`, and checks that an archive holds what it is said to hold."""

    present: set[str] = field(default_factory=set)
    kind: Kind = "existing"

    def image_ref(self, name: str, tag: str) -> str:
        return f"registry/{name}:{tag}"

    def has_image(self, ref: str) -> bool:
        return ref in self.present

    def load_image(self, ref: str, archive: Path) -> None:
        assert archive.read_text() == ref
        assert archive.name.endswith(".docker.tar")
        self.present.add(ref)


@pytest.fixture
def builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RecordingBuilder:
    monkeypatch.setenv("DRAWBRIDGE_CACHE", str(tmp_path / "cache"))
    recording = RecordingBuilder()
    monkeypatch.setattr(images, "find_builder", lambda: recording)
    return recording


def test_an_image_is_built_once_and_then_found(builder: RecordingBuilder, tmp_path: Path) -> None:
    cluster = RecordingCluster()
    refs = images.build(["standin", "gateway"], cluster)  # type: ignore[arg-type]  # the members that build() uses
    assert builder.did == [
        *("build standin as registry/standin", "save registry/standin"),
        *("build gateway as registry/gateway", "save registry/gateway"),
    ]
    assert cluster.present == {refs["standin"], refs["gateway"]}
    assert images.build(["standin", "gateway"], cluster) == refs  # type: ignore[arg-type]  # likewise
    assert len(builder.did) == 4
    assert list((tmp_path / "cache" / "tmp").iterdir()) == []  # archives are large and not kept


def test_only_what_is_missing_is_built(builder: RecordingBuilder) -> None:
    cluster = RecordingCluster()
    images.build(["gateway"], cluster)  # type: ignore[arg-type]  # likewise
    images.build(["gateway", "standin"], cluster)  # type: ignore[arg-type]  # likewise
    assert builder.did[2:] == ["build standin as registry/standin", "save registry/standin"]


@pytest.mark.parametrize(
    ("python_image", "ca_file", "expected"),
    [
        pytest.param("", None, [], id="nothing but the Dockerfile's own defaults"),
        pytest.param(
            "mirror/python", None, ["--build-arg=PYTHON_IMAGE=mirror/python"], id="another base image"
        ),
        pytest.param("", Path("/ca.pem"), ["--secret=id=ca-bundle,src=/ca.pem"], id="certificates to trust"),
    ],
)
def test_build_options(recipe: Recipe, python_image: str, ca_file: Path | None, expected: list[str]) -> None:
    options = builders.build_options(recipe, "name:tag", python_image, ca_file)
    assert options == [f"--file={recipe.dockerfile}", "--tag=name:tag", *expected, str(recipe.context)]


def test_an_image_outdates_those_of_its_name_and_no_others() -> None:
    found = ["localhost/a:1", "localhost/a:2", "localhost/ab:1", "registry:5000/a:1", "<none>:<none>"]
    assert builders.outdated(found, "localhost/a:2") == ["localhost/a:1"]


def test_the_certificates_that_the_environment_names_are_trusted_in_builds(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.touch()
    assert builders.ca_bundle({"SSL_CERT_FILE": str(bundle)}) == bundle
    assert builders.ca_bundle({"SSL_CERT_FILE": str(tmp_path / "missing.pem")}) is None


@pytest.mark.parametrize(
    ("script", "answers"),
    [
        pytest.param("exit 0", True, id="an engine answers"),
        pytest.param("exit 1", False, id="a client alone proves nothing"),
        pytest.param("exec sleep 60", False, id="an engine that hangs is none"),
        pytest.param(None, False, id="no client"),
    ],
)
def test_docker_counts_when_its_engine_answers(
    script: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, answers: bool
) -> None:
    monkeypatch.setattr(builders, "DOCKER_ANSWERS_WITHIN_S", 0.5)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    if script is not None:
        (tmp_path / "docker").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "docker").chmod(0o755)
    assert builders.docker_answers() is answers


def test_without_docker_the_base_image_is_our_own_unless_one_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(builders, "docker_answers", lambda: False)
    monkeypatch.delenv("PYTHON_IMAGE", raising=False)
    assert builders.find_builder().python_image == python_base.ref()
    monkeypatch.setenv("PYTHON_IMAGE", "mirror/python")
    assert builders.find_builder().python_image == "mirror/python"
