"""Files on the disks of this machine: all that a folder holds, and what is no plain file.

Knows links, pipes, devices and names that are no text. Does not know what files hold.
"""

from __future__ import annotations

import logging
import os
import re
import stat
from collections import deque
from collections.abc import Iterator

logger = logging.getLogger(__name__)

_MOST_BYTES = 2**31
# How Python writes a byte of a name that is not UTF-8.
_STRAY_BYTE = re.compile("[\udc80-\udcff]")


class NoPlainFileError(ValueError):
    """What has a file's name and cannot be read as one, such as a pipe or a device."""


def files_below(root: str) -> Iterator[str]:
    """Paths, relative to a folder, of all below it that is no folder itself.

    Links to folders are entered. A folder that can be reached in several ways is entered once,
    under its own name if it has one below `root`; so links that form a circle come to an end.
    """
    entered: set[tuple[int, int]] = set()
    waiting = deque([root])
    while waiting:
        for folder, folders, files in os.walk(waiting.popleft(), onerror=_say):
            status = os.stat(folder)
            if (status.st_dev, status.st_ino) in entered:
                folders.clear()
                continue
            entered.add((status.st_dev, status.st_ino))
            places = [os.path.join(folder, name) for name in sorted(folders)]
            waiting += filter(os.path.islink, places)
            for name in files:
                yield os.path.relpath(os.path.join(folder, name), root).replace(os.sep, "/")


def read_file(path: str | os.PathLike[str]) -> bytes:
    """Content of a plain file, or of one that a link leads to.

    Raises:
        NoPlainFileError: It is a pipe, a socket or a device, which might never end, or is too
            large to be held in memory.
        OSError: It cannot be opened.
    """
    with open(path, "rb", opener=_open_at_once) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise NoPlainFileError("it is a pipe or a device, not a file")
        if status.st_size > _MOST_BYTES:
            raise NoPlainFileError(f"the file is larger than {_MOST_BYTES >> 30} GiB")
        return file.read()


def printable(name: str) -> str:
    """A file's name as text: bytes that are not UTF-8 are written `<E9>`."""
    return _STRAY_BYTE.sub(lambda byte: f"<{ord(byte[0]) - 0xDC00:02X}>", name)


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting until somebody writes into a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _say(error: OSError) -> None:
    logger.warning("The folder '%s' cannot be listed: %s.", error.filename, error.strerror)
