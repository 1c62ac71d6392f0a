"""A place that stays where it is, for the newest of what is kept in versions.

Knows files and folders on a disk of this machine; in a store there are the versions alone.
"""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path


def put_latest(source: Path, place: Path) -> None:
    """Put a copy of a file or folder where the last one stood.

    It is written beside its place and renamed, so the place never holds half of it.

    Args:
        source: a version, complete.
        place: what stands there is replaced.

    Raises:
        OSError: it cannot be read or written.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    mark = secrets.token_hex(4)
    fresh, before = (place.with_name(f".{place.name}.{mark}.{what}") for what in ("part", "old"))
    try:
        if source.is_dir():
            shutil.copytree(source, fresh)
        else:
            shutil.copy2(source, fresh)
        if place.is_dir():
            place.rename(before)
        fresh.replace(place)
    finally:
        for rest in (fresh, before):
            if rest.is_dir():
                shutil.rmtree(rest)
            else:
                rest.unlink(missing_ok=True)
