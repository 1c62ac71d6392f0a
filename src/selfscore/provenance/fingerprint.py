"""sha256 of files and folders, on any file system.

A folder's sha256 is that of its sorted list of files, each with its own. Folders that are saved as
a whole keep those in their marker, which is then read in place of the files: loading checks that
the files are those that it lists, and no others. Everything else is read once; while a file system
reports the same sizes and times, a known sha256 is not computed again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from fsspec.implementations.local import LocalFileSystem
from fsspec.spec import AbstractFileSystem

from selfscore.datasets.directory import MARKER, listed_files
from selfscore.datasets.local_files import files_below
from selfscore.provenance.manifest import canonical
from selfscore.provenance.places import Place

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Fingerprint:
    """What a file or folder holds.

    Attributes:
        sha256: of the file, or of the folder's list.
        size: bytes.
        files: how many.
        stamp: sizes and times as the file system tells them; see the module.
    """

    sha256: str
    size: int
    files: int
    stamp: str


def fingerprint(
    place: Place, known: Mapping[str, str] | None = None, trust_marker: bool = True
) -> Fingerprint:
    """Fingerprint of a file or folder.

    Args:
        place: the file or folder.
        known: sha256 by stamp, from earlier fingerprints of the same place.
        trust_marker: whether a folder's marker is read in place of its files.

    Raises:
        FileNotFoundError: there is nothing, or a folder without files.
    """
    found = _listing(place)
    if not found:
        raise FileNotFoundError(f"There is nothing at '{place.url}'.")
    size = sum(int(info["size"] or 0) for info in found.values())
    seen = _stamp_of(found)
    if known and seen in known:
        sha256 = known[seen]
    elif "" in found:
        sha256 = sha256_file(place.file_system, place.path)
    else:
        sha256 = folder_sha256(_file_hashes(place, list(found), trust_marker))
    return Fingerprint(sha256, size, len(found), seen)


def stamp(place: Place) -> str:
    """What the file system says of a file or folder, without reading it; see `Fingerprint`."""
    return _stamp_of(_listing(place))


def folder_sha256(files: Mapping[str, str]) -> str:
    """sha256 of a folder, from relative path → sha256 of every file."""
    return _sha256_text(canonical(dict(files)))


def sha256_file(file_system: AbstractFileSystem, path: str) -> str:
    """sha256 of a file, which is read block by block."""
    digest = hashlib.sha256()
    with file_system.open(path, "rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _listing(place: Place) -> dict[str, dict[str, Any]]:
    """Relative path → what the file system says; a single file is ""."""
    file_system, path = place.file_system, place.path
    file_system.invalidate_cache(path)
    if file_system.isfile(path):
        return {"": file_system.info(path)}
    return {
        name: info
        for name, info in sorted(_below(file_system, path))
        if name.endswith(place.suffix) and info["type"] == "file"
    }


def _below(file_system: AbstractFileSystem, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """What is below a folder; on a disk also behind links to folders, for images are read there."""
    if isinstance(file_system, LocalFileSystem) and file_system.isdir(path):
        for name in files_below(path):
            # A link may lead nowhere.
            with suppress(FileNotFoundError):
                yield name, file_system.info(f"{path}/{name}")
        return
    prefix = len(path.rstrip("/")) + 1
    for name, info in file_system.find(path, detail=True).items():
        yield name[prefix:], info


def _file_hashes(place: Place, names: list[str], trust_marker: bool) -> dict[str, str]:
    """sha256 of every file, as the folder's marker says, where it has one."""
    if trust_marker and MARKER in names:
        # A damaged marker is that of no folder.
        return listed_files(place.file_system.cat_file(f"{place.path}/{MARKER}")) or {}
    return {
        name: sha256_file(place.file_system, f"{place.path}/{name}")
        for name in names
        if name != MARKER
    }


def _stamp_of(listing: Mapping[str, Mapping[str, Any]]) -> str:
    return _sha256_text(canonical({name: _stamp(info) for name, info in listing.items()}))


def _stamp(info: Mapping[str, Any]) -> list[Any]:
    # Disks tell a time, object stores a tag or when the object was put there, memory when it was
    # created.
    when = next(
        (
            info[key]
            for key in ("mtime", "ETag", "etag", "LastModified", "created")
            if info.get(key)
        ),
        None,
    )
    return [info["size"], str(when)]


def _sha256_text(text: str) -> str:
    # A file's name need not be UTF-8.
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()
