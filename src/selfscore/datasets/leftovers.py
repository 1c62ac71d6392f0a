"""What killed processes leave beside the files and folders that they were writing.

Both are written under a hidden name and renamed. Who writes holds a lock on that, which the system
takes away when the process ends, however it ends; so what can be locked, nobody writes any more.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path

# `.name.1a2b3c4d.part` of a file, `.name.k3_x0a9z` of a folder, with `.old` what it replaces.
_HIDDEN = re.compile(r"\.(?P<name>.+)\.(?:[0-9a-f]{8}\.part|[a-z0-9_]{8}(?:\.old)?)")


def hold(descriptor: int) -> None:
    """Say that this process writes a file or folder; the lock goes when it is closed."""
    # Not every file system can lock; there, nothing is ever removed.
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def remove_leftovers(folder: Path, name: str | None = None) -> int:
    """Remove what nobody writes any more from a folder.

    Args:
        folder: which need not be there.
        name: of the file or folder that was to be written; None for any.

    Returns:
        How many there were.
    """
    if not folder.is_dir():
        return 0
    found = 0
    with os.scandir(folder) as entries:
        hidden = [entry for entry in entries if entry.name.startswith(".")]
    for entry in hidden:
        known = _HIDDEN.fullmatch(entry.name)
        if known is not None and name in (None, known["name"]) and not entry.is_symlink():
            found += _remove_unless_held(Path(entry.path))
    if found and not any(folder.iterdir()):
        folder.rmdir()  # Such as that of a version, which it made.
    return found


def _remove_unless_held(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
