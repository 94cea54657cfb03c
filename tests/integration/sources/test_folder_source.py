"""A folder on a real file system: what is in force after each change of it."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from drawbridge_gateway.bridge.snapshots import BridgeState
from drawbridge_gateway.sources.folder import FolderError
from drawbridge_gateway.sources.folder_source import FolderSource
from drawbridge_gateway.sources.metrics import SourceMetrics
from drawbridge_gateway.sources.snapshots import SnapshotFeed
from drawbridge_gateway.upstream.balance import Endpoint
from prometheus_client import CollectorRegistry

from tests.unit.drawbridge_gateway.policies import CODER, VAULT
from tests.unit.drawbridge_gateway.sources.folders import ENDPOINTS, POOL, WHOLE


class World:
    """A folder, its source, and what is in force."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = BridgeState()
        self.pools: dict[tuple[str, str], list[Endpoint]] = {}
        self.lines: list[str] = []
        self.environ = {"OPENAI_KEY": "sesame"}
        feed = SnapshotFeed(self.state, SourceMetrics(CollectorRegistry()), wall_clock=lambda: 0.0)
        self.source = FolderSource(folder, feed, self, environ=self.environ, tell=self.lines.append)
        for name, text in WHOLE.items():
            self.write(name, text)

    def set_endpoints(self, tenant: str, pool: str, endpoints: Sequence[Endpoint]) -> None:
        self.pools[tenant, pool] = list(endpoints)

    def drop_endpoints(self, tenant: str, pool: str) -> None:
        del self.pools[tenant, pool]

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def models(self, tenant: str = "default") -> tuple[str, ...] | None:
        snapshot = self.state.snapshot(tenant)
        return snapshot.models if snapshot else None


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_folder_comes_into_force(world: World) -> None:
    world.source.load()

    assert world.models() == ("auto", "coder")
    assert len(world.pools["default", "coder"]) == 3
    assert world.lines == []


def test_change_comes_into_force_and_is_told(world: World) -> None:
    world.source.load()
    world.write("b.yaml", WHOLE["b.yaml"].replace("[auto, coder]", "[auto, coder, gpt-4o]"))
    world.source.load_if_changed()

    assert world.models() == ("auto", "coder", "gpt-4o")
    assert world.lines == ["loaded again: a file changed"]


def test_name_of_a_pool_whose_file_is_deleted_does_not_become_an_alias(world: World) -> None:
    world.write("d.yaml", POOL.replace("coder", "vault"))
    world.write("b.yaml", WHOLE["b.yaml"].replace("[auto, coder]", "[auto, coder, vault]"))
    world.source.load()
    (world.folder / "d.yaml").unlink()
    for content in (POOL, f"{POOL}# touched"):  # remembered over more than one change
        world.write("a.yaml", content)
        world.source.load_if_changed()
        assert world.models() == ("auto", "coder")


def test_change_that_keeps_size_and_name_is_seen(world: World) -> None:
    world.source.load()
    before = (world.folder / "a.yaml").stat()
    world.write("a.yaml", POOL.replace("coder", "coda1"))
    os.utime(world.folder / "a.yaml", ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    world.source.load_if_changed()

    assert 'pool "coder"' in "".join(world.lines)


def test_untouched_folder_is_not_read_again(world: World) -> None:
    world.source.load()
    world.source.load_if_changed()

    assert world.lines == []


def test_what_an_editor_leaves_behind_is_not_read(world: World) -> None:
    # Emacs' lock of a changed buffer leads nowhere; other editors keep copies
    (world.folder / ".#pool.yaml").symlink_to("ann@machine.4711:1764430000")
    world.write(".pool.yaml", "not: [YAML")

    world.source.load()
    (world.folder / ".#keys.yaml").symlink_to("ann@machine.4711:1764430000")
    world.source.load_if_changed()

    assert world.models() == ("auto", "coder")
    assert world.lines == []


def test_bad_change_is_told_once_and_kept_out(world: World) -> None:
    world.source.load()
    world.write("b.yaml", "kind: [")
    for _ in range(3):
        world.source.load_if_changed()

    assert world.models() == ("auto", "coder")
    [line] = world.lines
    assert line.startswith("error: b.yaml: not YAML")
    assert "last good state" in line


def test_mended_folder_comes_into_force(world: World) -> None:
    world.source.load()
    for text in ("kind: [", WHOLE["b.yaml"].replace("[auto, coder]", "[auto]")):
        world.write("b.yaml", text)
        world.source.load_if_changed()

    assert world.models() == ("auto",)


def test_removed_pool_loses_its_endpoints(world: World) -> None:
    world.source.load()
    world.write("endpoints.yaml", "pools: {}")
    world.source.load_if_changed()

    assert world.pools == {}


def test_moved_tenant_leaves_nothing_behind(world: World) -> None:
    world.source.load()
    for name in ("a.yaml", "b.yaml"):
        world.write(name, WHOLE[name].replace("metadata: {", "metadata: {namespace: team-b, "))
    world.source.load_if_changed()

    assert (world.models(), world.models("team-b")) == (None, ("auto", "coder"))
    assert list(world.pools) == [("team-b", "coder")]


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.source._directory = tmp_path / "nowhere"
    with pytest.raises(FolderError, match="nowhere: No such file or directory"):
        world.source.load()


def test_folder_that_goes_away_changes_nothing(world: World) -> None:
    world.source.load()
    world.folder.rename(world.folder.with_name("elsewhere"))
    world.source.load_if_changed()

    assert world.models() == ("auto", "coder")
    assert "No such file" in world.lines[0]


@pytest.mark.parametrize(
    ("endpoints", "environ", "key"),
    [
        pytest.param(ENDPOINTS, {"OPENAI_KEY": "sesame"}, "sesame", id="from a variable"),
        pytest.param(
            "secrets: {keys: {openai: {file: openai.key}}}", {}, "of-a-file", id="from a file of the folder"
        ),
        pytest.param("secrets: {}", {}, None, id="nothing is said"),
    ],
)
def test_secret(world: World, endpoints: str, environ: dict[str, str], key: str | None) -> None:
    (world.folder / "openai.key").write_text("of-a-file\n")
    world.write("endpoints.yaml", endpoints)
    world.environ.clear()
    world.environ.update(environ)
    world.source.load()

    assert world.source.secret("keys", "openai") == key


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        pytest.param("{env: NOT_SET}", "the environment variable NOT_SET is not set", id="variable"),
        pytest.param("{file: none}", "cannot read none: No such file", id="file"),
    ],
)  # fmt: skip
def test_secret_that_cannot_be_read(world: World, origin: str, words: str) -> None:
    world.write("endpoints.yaml", f"secrets: {{keys: {{openai: {origin}}}}}")
    world.source.load()

    with pytest.raises(FolderError, match=f"^secrets.keys.openai: {words}"):
        world.source.secret("keys", "openai")


KEYED = ENDPOINTS.replace('8002"]}}', '8002"], apiKey: {env: CODER_KEY}}}')


def test_key_of_an_engine(world: World) -> None:
    world.write("endpoints.yaml", KEYED)
    world.environ["CODER_KEY"] = "open-engine\n"
    world.source.load()

    assert world.source.engine_key(CODER) == "open-engine"
    assert world.source.engine_key(VAULT) is None


def test_key_of_an_engine_that_cannot_be_read_keeps_the_folder_out(world: World) -> None:
    world.source.load()
    world.write("b.yaml", WHOLE["b.yaml"].replace("[auto, coder]", "[auto]"))
    world.write("endpoints.yaml", KEYED)
    world.source.load_if_changed()

    assert world.models() == ("auto", "coder")
    assert "pools.coder.apiKey: the environment variable CODER_KEY is not set" in world.lines[0]
