"""A folder as one file, and back, without trusting the file.

The same folder always gives the same bytes. What is unpacked can only be ordinary files below the
folder that they are unpacked into: everything else (absolute paths, "..", links, devices) is
refused by name before anything is written.
"""

from __future__ import annotations

import gzip
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import IO

MOST_FILES = 100_000
MOST_BYTES = 200 * 10**9

# Archives need some time; this is the earliest that zip can write.
_TIME = (1980, 1, 1, 0, 0, 0)


class UnsafeArchiveError(ValueError):
    """An archive that would write where it should not, or more than it should."""


def is_archive(path: Path) -> bool:
    """Whether the name is that of an archive that can be written here."""
    return path.name.endswith((".tar.gz", ".tgz", ".zip"))


def pack(folder: Path, archive: Path) -> None:
    """Write all files below a folder into an archive.

    Args:
        folder: the folder.
        archive: a `.tar.gz`, `.tgz` or `.zip`; the name says which.
    """
    files = sorted(
        (file.relative_to(folder).as_posix(), file) for file in folder.rglob("*") if file.is_file()
    )
    if archive.suffix == ".zip":
        _pack_zip(files, archive)
    else:
        _pack_tar(files, archive)


def unpack(archive: Path, folder: Path) -> None:
    """Write what is in an archive into an empty folder.

    Raises:
        UnsafeArchiveError: a member is not an ordinary file below the folder, or it is all too
            much; nothing was written.
        ValueError: it is not an archive.
    """
    try:
        if archive.name.endswith(".zip"):
            _unpack_zip(archive, folder)
        else:
            _unpack_tar(archive, folder)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, gzip.BadGzipFile) as error:
        raise ValueError(f"'{archive}' is not a whole archive: {error}.") from error


def _pack_tar(files: Iterable[tuple[str, Path]], archive: Path) -> None:
    with (
        archive.open("wb") as raw,
        # Without the archive's own name and the time in the header.
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, file in files:
            member = tarfile.TarInfo(name)
            member.size, member.mode = file.stat().st_size, 0o644
            with file.open("rb") as stream:
                tar.addfile(member, stream)


def _pack_zip(files: Iterable[tuple[str, Path]], archive: Path) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, file in files:
            member = zipfile.ZipInfo(name, _TIME)
            member.external_attr = (stat.S_IFREG | 0o644) << 16
            member.create_system = 3
            member.compress_type = zipfile.ZIP_DEFLATED
            with file.open("rb") as stream, packed.open(member, "w", force_zip64=True) as target:
                shutil.copyfileobj(stream, target)


def _unpack_tar(archive: Path, folder: Path) -> None:
    with tarfile.open(archive, "r:gz") as tar:
        members = tar.getmembers()
        kinds = [
            (one.name, one.size, "" if one.isreg() else _kind(one))
            for one in members
            if not one.isdir() or _escapes(one.name)
        ]
        _check(archive, kinds)
        for member in members:
            if member.isreg():
                _write(member.name, member.size, folder, tar.extractfile(member))


def _unpack_zip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        members = [one for one in packed.infolist() if not one.is_dir() or _escapes(one.filename)]
        kinds = []
        for member in members:
            mode = member.external_attr >> 16
            # Archives from elsewhere may carry no kind at all: those are files.
            ordinary = not stat.S_IFMT(mode) or stat.S_ISREG(mode)
            kinds.append(
                (member.orig_filename, member.file_size, "" if ordinary else "a link or device")
            )
        _check(archive, kinds)
        for member in members:
            _write(member.filename, member.file_size, folder, packed.open(member))


def _check(archive: Path, members: list[tuple[str, int, str]]) -> None:
    """Refuse the archive if one (name, size, "" or what it is instead of a file) is not right."""
    for name, _, kind in members:
        if kind:
            raise UnsafeArchiveError(f"'{archive}' is refused: '{name}' is {kind}, not a file.")
        if _escapes(name):
            raise UnsafeArchiveError(
                f"'{archive}' is refused: '{name}' would be written outside the folder."
            )
    seen: set[str] = set()
    for name, _, _ in members:
        if name in seen:
            raise UnsafeArchiveError(f"'{archive}' is refused: '{name}' is in it twice.")
        seen.add(name)
    size = sum(size for _, size, _ in members)
    if len(members) > MOST_FILES or size > MOST_BYTES:
        raise UnsafeArchiveError(
            f"'{archive}' is refused: it holds {len(members)} files of {size / 1e9:.1f} GB."
        )


def _write(name: str, size: int, folder: Path, stream: IO[bytes] | None) -> None:
    assert stream is not None  # Only what is no file has none.
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    with stream, target.open("xb") as file:
        # No more than was declared, and so was counted.
        left = size
        while left and (block := stream.read(min(left, 1 << 20))):
            file.write(block)
            left -= len(block)


def _escapes(name: str) -> bool:
    path = PurePosixPath(name)
    return (
        not name
        or path.is_absolute()
        or ".." in path.parts
        or "\\" in name
        or ":" in name
        or "\0" in name
    )


def _kind(member: tarfile.TarInfo) -> str:
    if member.issym() or member.islnk():
        return f"a link to '{member.linkname}'"
    return "a device" if member.isdev() else "something special"
