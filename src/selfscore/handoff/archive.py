"""A folder as one file, and back, without trusting the file.

The same folder always gives the same bytes. What is unpacked can only be ordinary files below the
folder that they are unpacked into: `tarfile`'s own filter for data sees to that, and what it would
put right in silence is refused by name.
"""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

MOST_FILES = 100_000
MOST_BYTES = 200 * 10**9

_PACKED = (".zip", ".tar", ".tgz", ".gz", ".xz", ".bz2")
# What reading a damaged or a made-up archive raises.
_UNREADABLE = (
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    ValueError,
    OverflowError,
)


class UnsafeArchiveError(ValueError):
    """An archive that would write where it should not, or more than it should."""


def is_archive(path: Path) -> bool:
    """Whether the name is that of an archive that can be written here."""
    return path.name.endswith((".tar.gz", ".tgz"))


def sounds_packed(path: Path) -> bool:
    """Whether the name is that of an archive of any kind."""
    return path.suffix in _PACKED


def pack(folder: Path, archive: Path) -> None:
    """Write all files below a folder into an archive, a `.tar.gz`."""
    files = sorted(
        (file.relative_to(folder).as_posix(), file) for file in folder.rglob("*") if file.is_file()
    )
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


def unpack(archive: Path, folder: Path) -> None:
    """Write what is in an archive into an empty folder.

    Raises:
        UnsafeArchiveError: a member is not an ordinary file below the folder, or it is all too
            much. Only members before it were written.
        ValueError: it is not an archive.
    """
    try:
        with tarfile.open(archive, "r:gz") as tar:
            tar.extractall(folder, filter=_only_files())
    except UnsafeArchiveError as refused:
        raise UnsafeArchiveError(f"'{archive}' is refused: {refused}.") from None
    except _UNREADABLE as error:
        raise ValueError(f"'{archive}' is not a whole archive: {error}.") from error


def _only_files() -> Callable[[tarfile.TarInfo, str], tarfile.TarInfo | None]:
    """A filter for one archive: lets ordinary files pass, each name once, up to a limit."""
    seen: set[str] = set()
    size = 0

    def passes(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo | None:
        nonlocal size
        name = member.name
        if not (member.isreg() or member.isdir()) or member.issparse():
            raise UnsafeArchiveError(f"'{name}' is {_kind(member)}, not a file")
        if _escapes(name):
            raise UnsafeArchiveError(f"'{name}' would be written outside the folder")
        if member.isdir():
            return None  # Files bring their folders along.
        if str(PurePosixPath(name)) in seen:
            raise UnsafeArchiveError(f"'{name}' is in it twice")
        seen.add(str(PurePosixPath(name)))
        size += member.size
        if len(seen) > MOST_FILES or size > MOST_BYTES:
            raise UnsafeArchiveError(
                f"it holds more than {MOST_FILES:,} files or {MOST_BYTES / 1e9:.0f} GB"
            )
        return tarfile.data_filter(member, folder)

    return passes


def _escapes(name: str) -> bool:
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts or any(one in name for one in "\\:\0")


def _kind(member: tarfile.TarInfo) -> str:
    if member.issym() or member.islnk():
        return f"a link to '{member.linkname}'"
    return "a device" if member.isdev() else "something special"
