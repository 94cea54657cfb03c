"""What an image is made of, read from its Dockerfile."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.cache import content_key

COPY = re.compile(r"^COPY (?!--from=)(?:--\S+ )*(?P<sources>.+) \S+$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A Dockerfile and the folder that its COPY instructions read from."""

    dockerfile: Path
    context: Path

    def key(self, python_image: str) -> str:
        """Digest all that decides the image's content: Dockerfile, base image, each file that is copied."""
        parts: list[str | Path] = [self.dockerfile.read_text(), python_image]
        for file in self.copied_files():
            parts += [file.relative_to(self.context).as_posix(), file]
        return content_key(*parts)

    def copied_files(self) -> Iterator[Path]:
        """Yield the files that COPY takes from the context, as .dockerignore lets it.

        Raises:
            FileNotFoundError: a COPY instruction names what does not exist.
        """
        for match in COPY.finditer(self.dockerfile.read_text()):
            for source in match["sources"].split():
                path = self.context / source
                if path.is_dir():
                    yield from sorted(file for file in path.rglob("*") if _is_content(file))
                elif path.exists():
                    yield path
                else:
                    raise FileNotFoundError(f"{self.dockerfile}: COPY names {path}, which does not exist")


def _is_content(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts
