"""Work that tests give to workers, which import it by name."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from selfscore.vlm.images import RefusedPictureError


def thirds(batch: Sequence[float]) -> list[float]:
    """Each number by three."""
    return [number / 3 for number in batch]


def slow_thirds(folder: str, batch: Sequence[float]) -> list[float]:
    """`thirds`, a fifth of a second after a file with the batch's name is in the folder."""
    Path(folder, f"{batch[0]}_{os.getpid()}").touch()
    time.sleep(0.2)
    return thirds(batch)


def thirds_of_a_killed(folder: str, batch: Sequence[float]) -> list[float]:
    """`slow_thirds`, but the first process that comes to the number 4 is ended."""
    mark = Path(folder, "killed")
    if 4 in batch and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return slow_thirds(folder, batch)


def kill(batch: Sequence[float]) -> list[float]:
    """The end of every process that comes to it."""
    os.kill(os.getpid(), signal.SIGKILL)
    return []


def refuse(batch: Sequence[float]) -> list[float]:
    """An error of a class that is not made from its message."""
    raise RefusedPictureError("A processor", {"1.png": f"too wide, {batch[0]}"})


def divide(batch: Sequence[float]) -> list[float]:
    """A fault of a program."""
    return [1 / (number - number) for number in batch]
