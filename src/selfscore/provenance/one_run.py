"""The lock that keeps two runs from writing over each other's tables.

What has no versions (`storage.scratch`) is one run's at a time. The operating system takes the lock
from a process that ends, however it ends, so a lock is never left behind.
"""

from __future__ import annotations

import logging
import os
import platform
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import BaseFileLock, FileLock, Timeout
from kedro.io import DatasetError

logger = logging.getLogger(__name__)

LOCK = ".running"


class ScratchInUseError(DatasetError):
    """Another run is writing to the same folder."""


def scratch_folder(global_values: Mapping[str, Any], project: Path) -> Path | None:
    """The folder of what has no versions; None where the configuration names none.

    Args:
        global_values: content of `globals.yml`.
        project: root, which a relative folder counts from.

    Raises:
        ValueError: it is not on a disk of this machine.
    """
    place = global_values.get("storage", {}).get("scratch")
    if place is None:
        return None
    if "://" in place:
        raise ValueError(
            f"`storage.scratch` is '{place}', but what has no versions must be on a disk of this "
            "machine: set it to a folder, in globals.yml. Only `storage.root` may be in a store."
        )
    return project / place


def take(folder: Path) -> BaseFileLock:
    """Take the folder's lock; its file says who holds it.

    Raises:
        ScratchInUseError: another run holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK, blocking=False, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        holder = (folder / LOCK).read_text(encoding="utf-8").strip()
        raise ScratchInUseError(
            f"Another run is writing to '{folder}' ({holder}). Wait for it, or start this one in "
            "another clone or environment: the tables there are overwritten by each run."
        ) from None
    except OSError as error:
        logger.warning(
            "'%s' cannot be locked (%s): see to it that no two runs write there at once.",
            folder,
            error.strerror,
        )
    now = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    words = f"process {os.getpid()} on {platform.node()}, since {now}\n"
    (folder / LOCK).write_text(words, encoding="utf-8")
    return lock
