"""What is slow to make and safe to keep: built binaries, site-packages, images.

Each entry is a directory `<cache>/<kind>/<key>`. The key is a digest of all that decides the content, so an
entry is never wrong, only unused; deleting the whole cache is always safe while nothing runs from it.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_IXUSR

KEY_HEX_DIGITS = 16
"""64 bits: by the birthday bound a cache of a million entries collides with a chance of 3 in 10^8."""


def cache_dir() -> Path:
    """Return the root of the cache: DRAWBRIDGE_CACHE, else the user's cache folder (XDG base directories)."""
    if explicit := os.environ.get("DRAWBRIDGE_CACHE"):
        return Path(explicit).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "drawbridge"


def content_key(*parts: str | Path) -> str:
    """Digest `parts` in order into 16 hexadecimal digits.

    A string counts as itself; a file by its content and whether it is executable; a tree by the relative
    names and contents of all below it; a symbolic link by its target: just what git keeps. Where a file
    lies, its owner, its times and the umask that it was checked out with do not count.

    Raises:
        FileNotFoundError: a path does not exist: a key that ignored it would name the wrong content.
    """
    digest = hashlib.blake2b(digest_size=KEY_HEX_DIGITS // 2)
    for part in parts:
        for field in [b"text", part.encode()] if isinstance(part, str) else _tree_fields(part):
            digest.update(len(field).to_bytes(8, "big"))  # keeps ("ab", "c") apart from ("a", "bc")
            digest.update(field)
    return digest.hexdigest()


def _tree_fields(root: Path) -> Iterator[bytes]:
    yield b"tree"
    below = sorted(root.rglob("*")) if root.is_dir() and not root.is_symlink() else []
    for path in [root, *below]:
        yield b"" if path == root else path.relative_to(root).as_posix().encode()
        if path.is_symlink():
            yield b"link:" + os.fsencode(path.readlink())
        elif path.is_dir():
            yield b"directory"
        else:
            yield b"executable" if path.lstat().st_mode & S_IXUSR else b"plain"
            with path.open("rb") as file:
                yield b"file:" + hashlib.file_digest(file, hashlib.blake2b).digest()
    yield b"end"


def ensure(kind: str, key: str, fill: Callable[[Path], None]) -> Path:
    """Return the directory `<cache>/<kind>/<key>`, filled by `fill` when it is not there yet.

    `fill` gets an empty directory beside the entry. Only when it returns is that directory renamed into
    place, so an entry that exists is complete, whatever crashed before. Two processes that want the same
    entry fill it once: the second waits for the first one's lock, which the kernel frees even when its holder
    dies.
    """
    entry = cache_dir() / kind / key
    if entry.is_dir():
        return entry
    entry.parent.mkdir(parents=True, exist_ok=True)
    with locked(entry.with_name(f".{key}.lock")):
        if entry.is_dir():
            return entry
        unfinished = entry.with_name(f".{key}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)  # of a fill that was killed
        unfinished.mkdir()
        try:
            fill(unfinished)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        unfinished.rename(entry)
    return entry


@contextmanager
def locked(lock_file: Path) -> Iterator[None]:
    """Hold `lock_file` against other processes. The file stays: two could each lock one of the same name."""
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    with lock_file.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
