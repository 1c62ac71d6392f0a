"""What is kept of every room: a row an input, and how it was measured."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from benchmarks.hostile.trial import Tried
from benchmarks.runs import PROJECT, Run, describe

FOLDER = PROJECT / "benchmarks/records/hostile"
COMMAND = "python -m benchmarks.hostile"


@dataclass(frozen=True)
class Took:
    """How long a room took, in seconds.

    Attributes:
        seconds: from start to end.
        busy: processor time, of all cores together.
        prepared: before it, to make what is made once for all rooms.
    """

    seconds: float
    busy: float
    prepared: float


def write(
    folder: Path,
    room: str,
    tried: Sequence[Tried],
    compared: int,
    differing: Sequence[str],
    took: Took,
) -> None:
    """Write the record.

    Args:
        folder: where to.
        room: whose inputs they are.
        tried: what came of every input.
        compared: how many were run in a process of their own as well.
        differing: those of which that process said other words.
        took: how long all of it took.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # How long a command took differs from run to run; the rest of a row does not.
    names = [field.name for field in fields(Tried) if field.name != "seconds"]
    with (folder / f"{room}.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, names, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(one) for one in tried)
    about: dict[str, Any] = describe(Run(room, 0, f"{COMMAND} {room}"), took.seconds, 1) | {
        "inputs": len(tried),
        "outcomes": dict(Counter(one.outcome for one in tried)),
        "compared": compared,
        "differing": list(differing),
        "busy": round(took.busy),
        "prepared": round(took.prepared),
        "slowest": max((one.seconds for one in tried), default=0.0),
    }
    (folder / f"{room}.json").write_text(json.dumps(about, indent=1) + "\n")


def rooms(folder: Path = FOLDER) -> list[str]:
    """Rooms that have a record."""
    return sorted(file.stem for file in folder.glob("*.csv"))


def read(room: str, folder: Path = FOLDER) -> tuple[list[dict[str, str]], dict[str, Any]]:
    """The rows of a room's record, and how it was measured."""
    with (folder / f"{room}.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    return rows, json.loads((folder / f"{room}.json").read_text())
