"""Which file in the image folder a name in a score table means."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterator
from pathlib import PurePosixPath


def match_files(names: Collection[str], files: Collection[str]) -> dict[str, list[str]]:
    """Find the file that each name means.

    A name that is a file's path means that file. Otherwise names and paths are compared without
    regard to case, to the composition of accents, to backslashes, and to the suffix where the name
    has none. Failing that, one may be the end of the other: `7.jpg` means `photos/7.jpg`, and so
    does `data/photos/7.jpg`.

    Args:
        names: Names as the score table has them.
        files: Paths of the files.

    Returns:
        For each name the files that it can mean: none, one, or several where it is not clear.
    """
    known = frozenset(files)
    fits = {name: [name] for name in names if name in known}
    unclear = [name for name in names if name not in fits]
    if not unclear:
        return fits
    # Only what a name could mean is kept of the files, so that large folders stay small here.
    wanted = {end for name in unclear for end in _ends(_key(name))}
    by_path: dict[str, list[str]] = defaultdict(list)
    by_end: dict[str, list[str]] = defaultdict(list)
    for file in files:
        for key in {_key(file), _key(str(PurePosixPath(file).with_suffix("")))}:
            if key in wanted:
                by_path[key].append(file)
            for end in _ends(key):
                if end in wanted:
                    by_end[end].append(file)
    for name in unclear:
        key = _key(name)
        longest = next((end for end in _ends(key) if end in by_path), "")
        fits[name] = by_path.get(key) or by_end.get(key) or by_path.get(longest, [])
    return fits


def _key(path: str) -> str:
    plain = unicodedata.normalize("NFC", path.replace("\\", "/")).casefold()
    return str(PurePosixPath(plain))


def _ends(key: str) -> Iterator[str]:
    """The path itself, then without its first folder, and so on to the bare name."""
    parts = PurePosixPath(key).parts
    return ("/".join(parts[start:]) for start in range(len(parts)))
