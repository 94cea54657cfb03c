"""The stand-alone gateway's source: a folder, read again whenever one of its files changes."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from drawbridge_crds.names import snapshot_name
from drawbridge_crds.snapshot import PoolTarget

from drawbridge_gateway.sources.endpoints import EndpointSink
from drawbridge_gateway.sources.endpoints_file import Origin
from drawbridge_gateway.sources.folder import Folder, FolderError, read_folder
from drawbridge_gateway.sources.snapshots import SnapshotFeed

POLL_S: Final = 1.0
"""Between two looks at the folder: one stat a file. Editors that replace files are noticed too."""

Look = tuple[tuple[str, int, int], ...]
"""Name, time of change and size of each file: what tells one state of a folder from another."""


class FolderSource:
    """Keeps snapshot and endpoints equal to a folder; a folder that does not compile changes nothing."""

    def __init__(
        self,
        directory: Path,
        snapshots: SnapshotFeed,
        endpoints: EndpointSink,
        *,
        environ: Mapping[str, str],
        tell: Callable[[str], None],
    ) -> None:
        """Set up. `tell` shows one line to the person at the terminal."""
        self._directory = directory
        self._snapshots = snapshots
        self._endpoints = endpoints
        self._environ = environ
        self._tell = tell
        self._seen: Look = ()
        self._folder: Folder | None = None
        self._engine_keys: dict[str, str] = {}

    def load(self) -> Folder:
        """Read the folder and put it in force.

        Raises:
            FolderError: when it cannot be understood; what was in force stays.
        """
        # before reading: a change in between makes the next look differ
        self._seen = look(self._directory)
        known_pools = self._folder.snapshot.known_pools if self._folder else ()
        folder = read_folder(read_texts(self._directory), known_pools)
        self._put_in_force(folder)
        for finding in folder.findings:
            self._tell(f"note: {finding}")
        return folder

    async def follow(self) -> None:
        """Load again on every change, until cancelled."""
        while True:
            await asyncio.sleep(POLL_S)
            self.load_if_changed()

    def load_if_changed(self) -> None:
        """Load when a file changed since the last try; tell a bad change once and keep it out."""
        try:
            if look(self._directory) != self._seen:
                self.load()
                self._tell("loaded again: a file changed")
        except FolderError as error:
            self._tell(f"error: {error}\n       the last good state stays in force")

    def secret(self, name: str, key: str) -> str | None:
        """Return a key of a Secret as endpoints.yaml says; None when it does not say.

        Raises:
            FolderError: when the variable is not set, or the file cannot be read.
        """
        origin = self._folder.endpoints.secrets.get(name, {}).get(key) if self._folder else None
        return self._read(origin, f"secrets.{name}.{key}") if origin else None

    def engine_key(self, pool: PoolTarget) -> str | None:
        """Return what a pool's engines want to see; None when they want nothing."""
        return self._engine_keys.get(pool.name)

    def _put_in_force(self, folder: Folder) -> None:
        keys = {
            pool: self._read(local.api_key, f"pools.{pool}.apiKey")
            for pool, local in folder.endpoints.pools.items()
            if local.api_key is not None
        }
        tenant, before = folder.snapshot.tenant, self._folder
        # before the snapshot: whoever loads it asks for the keys
        self._folder, self._engine_keys = folder, keys
        self._snapshots.load(snapshot_name(tenant), folder.snapshot)
        for pool, local in folder.endpoints.pools.items():
            self._endpoints.set_endpoints(tenant, pool, local.endpoints())
        if before is None:
            return
        if before.snapshot.tenant != tenant:
            self._snapshots.forget(snapshot_name(before.snapshot.tenant))
        for pool in before.endpoints.pools:
            if before.snapshot.tenant != tenant or pool not in folder.endpoints.pools:
                self._endpoints.drop_endpoints(before.snapshot.tenant, pool)

    def _read(self, origin: Origin, field: str) -> str:
        if origin.env is not None:
            value = self._environ.get(origin.env, "").strip()
            if not value:
                raise FolderError(f"{field}: the environment variable {origin.env} is not set")
            return value
        try:
            return (self._directory / (origin.file or "")).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:  # ValueError: not UTF-8, or a path that can be none
            raise FolderError(f"{field}: cannot read {origin.file}: {_words(error)}") from error


def look(directory: Path) -> Look:
    """Tell one state of a folder from another, without reading its files. Raises FolderError."""
    try:
        stats = [(path.name, path.stat()) for path in _yaml_files(directory)]
    except OSError as error:
        raise FolderError(f"{error.filename}: {_words(error)}") from error
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)


def read_texts(directory: Path) -> dict[str, str]:
    """Read a folder's YAML files, by name. Raises FolderError."""
    texts = {}
    for path in _yaml_files(directory):
        try:
            texts[path.name] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise FolderError(f"{path.name}: cannot read it: {_words(error)}") from error
    return texts


def _yaml_files(directory: Path) -> list[Path]:
    # hidden ones are editors' locks, which lead nowhere, and copies
    return sorted(
        path
        for path in directory.iterdir()
        if path.suffix in {".yaml", ".yml"} and not path.name.startswith(".")
    )


def _words(error: OSError | ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
