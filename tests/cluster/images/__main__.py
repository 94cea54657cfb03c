"""`python -m tests.cluster.images [NAME ...]`: build images and load them into the cluster."""

import sys

from tests.cluster import images, provider
from tests.cluster.interface import NoClusterError
from tests.cluster.progress import CommandFailedError, step, summary


def main(names: list[str]) -> int:
    """Build what is named, by default all; returns the exit status."""
    if unknown := sorted(set(names) - set(images.RECIPES)):
        print(f"no image {', '.join(unknown)}; there are {', '.join(images.RECIPES)}", file=sys.stderr)
        return 2
    try:
        cluster = provider.find_or_make()
        with step("images"):
            refs = images.build(names or images.RECIPES, cluster)
    except (NoClusterError, CommandFailedError) as error:
        print(error, file=sys.stderr)
        return 1
    print(*(f"{name:<9} {ref}" for name, ref in refs.items()), "", summary(), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
