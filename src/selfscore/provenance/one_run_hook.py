"""The hook that keeps two runs from writing over each other's tables.

What has no versions (`storage.scratch`) is one run's at a time. The operating system takes the lock
from a process that ends, however it ends, so a lock is never left behind.
"""

from __future__ import annotations

import fcntl
import logging
import os
import platform
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

from kedro.framework.hooks import hook_impl
from kedro.io import DatasetError

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext

logger = logging.getLogger(__name__)

LOCK = ".running"


class ScratchInUseError(DatasetError):
    """Another run is writing to the same folder."""


class OneRunHooks:
    """Holds the lock of `storage.scratch` during a run; without such a folder it does nothing."""

    def __init__(self) -> None:
        self._scratch: Path | None = None
        self._lock: IO[str] | None = None

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Learn where the folder is.

        Raises:
            ValueError: it is not on a disk of this machine.
        """
        place = context.config_loader["globals"].get("storage", {}).get("scratch")
        if place is not None and "://" in place:
            raise ValueError(
                f"`storage.scratch` is '{place}', but what has no versions must be on a disk of "
                "this machine: set it to a folder, in globals.yml. Only `storage.root` may be in a "
                "store."
            )
        self._scratch = None if place is None else Path(context.project_path) / place

    # Before anything else, so that a run that is refused leaves no trace.
    @hook_impl(tryfirst=True)
    def before_pipeline_run(self) -> None:
        """Take the lock.

        Raises:
            ScratchInUseError: another run holds it.
        """
        self._release()
        if self._scratch is not None:
            self._lock = _locked(self._scratch)

    @hook_impl(trylast=True)
    def after_pipeline_run(self) -> None:
        """Give the lock back."""
        self._release()

    @hook_impl(trylast=True)
    def on_pipeline_error(self) -> None:
        """Give the lock back."""
        self._release()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.close()
        self._lock = None


def _locked(folder: Path) -> IO[str]:
    """The open file that holds the folder's lock, and says who holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / LOCK).open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip()
        file.close()
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
    file.truncate(0)
    now = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    file.write(f"process {os.getpid()} on {platform.node()}, since {now}\n")
    file.flush()
    return file
