"""Which file in the image folder a name in a score table means."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Set
from pathlib import PurePosixPath


def match_files(names: Collection[str], files: Collection[str]) -> dict[str, list[str]]:
    """Find the file that each name means.

    A name that is a file's path means that file. Otherwise names and paths are compared without
    regard to case, to the composition of accents, to backslashes, and to the suffix where the name
    has none. Failing that, one may be the end of the other: `7.jpg` means `photos/7.jpg`, and so
    does `data/photos/7.jpg` where there is no folder `data`, and no other name for the same file.

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
    by_path, by_end = _index(files, wanted)
    above: dict[str, list[str]] = {}
    folders = {part for file in files for part in PurePosixPath(_key(file)).parts[:-1]}
    for name in unclear:
        key = _key(name)
        fits[name] = by_path.get(key) or by_end.get(key) or []
        if not fits[name]:
            above[name] = _below(key, by_path, folders)
    claimed = Counter(file for found in (*fits.values(), *above.values()) for file in found)
    for name, found in above.items():
        fits[name] = [file for file in found if claimed[file] == 1]
    return fits


def _index(
    files: Iterable[str], wanted: Set[str]
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """The files by each key wanted, as that of their whole path and as that of its end."""
    by_path: dict[str, list[str]] = defaultdict(list)
    by_end: dict[str, list[str]] = defaultdict(list)
    for file in files:
        for key in {_key(file), _key(str(PurePosixPath(file).with_suffix("")))}:
            if key in wanted:
                by_path[key].append(file)
            for end in wanted & set(_ends(key)):
                by_end[end].append(file)
    return by_path, by_end


def without_zeros(path: str) -> str:
    """What is left of a file's name, in small letters, when a table takes it for a number."""
    name = PurePosixPath(_key(path)).name
    stem = name.partition(".")[0].lstrip("0")
    return stem if stem.isdecimal() else ""


def lost_zeros(names: Iterable[str], files: Iterable[str]) -> dict[str, str]:
    """Files that names would mean if their leading zeros were not lost: 12 for 00012.jpg."""
    wanted = {without_zeros(name) for name in names} - {""}
    found: dict[str, str] = {}
    for file in files:
        if (number := without_zeros(file)) in wanted:
            found.setdefault(number, file)
    return {name: found[number] for name in names if (number := without_zeros(name)) in found}


def _below(key: str, by_path: dict[str, list[str]], folders: Set[str]) -> list[str]:
    """The files at the end of a path, if the image folder knows nothing of the folders before."""
    for end in _ends(key):
        if end in by_path:
            before = PurePosixPath(key.removesuffix(end)).parts
            return [] if folders & set(before) else by_path[end]
    return []


def _key(path: str) -> str:
    plain = unicodedata.normalize("NFC", path.replace("\\", "/")).casefold()
    return str(PurePosixPath(plain))


def _ends(key: str) -> Iterator[str]:
    """The path itself, then without its first folder, and so on to the bare name."""
    parts = PurePosixPath(key).parts
    return ("/".join(parts[start:]) for start in range(len(parts)))
