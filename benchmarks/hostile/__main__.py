"""Try inputs as strangers may hand them over, through the real commands.

    python -m benchmarks.hostile                 # all rooms
    python -m benchmarks.hostile images judge    # some
    python -m benchmarks.hostile.page            # docs/hostile_inputs.md, from the records

Each input says beforehand what may come of it and what the right result is. The record of a room
has a row for each, with its outcome and what was said. Nothing may crash or be silently wrong.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.hostile import (
    archives,
    cells,
    damage,
    folders,
    images,
    judge,
    parameters,
    records,
    scored,
    strangers,
    tables,
    workbooks,
)
from benchmarks.hostile.ground import Ground, prepare
from benchmarks.hostile.harness import Ended, beside_each_other
from benchmarks.hostile.inputs import OUTCOMES, Family, Input
from benchmarks.hostile.trial import Tried, attempt, said_alike

ROOMS: Mapping[str, Sequence[Family]] = {
    "tables": (*tables.FAMILIES, *workbooks.FAMILIES, *cells.FAMILIES),
    "images": (*images.FAMILIES, *folders.FAMILIES, *scored.FAMILIES),
    "parameters": parameters.FAMILIES,
    "judge": judge.FAMILIES,
    "damage": damage.FAMILIES,
    "strangers": (*strangers.FAMILIES, *archives.FAMILIES),
}
# Of so many inputs of a room one is run in a process of its own as well: ten times as much work.
_COMPARED = 400


def inputs(room: str) -> list[Input]:
    """All inputs of a room."""
    return [one for family in ROOMS[room] for one in family()]


def try_all(chosen: Sequence[Input], work: Path, ground: Ground, jobs: int) -> list[Tried]:
    """Try inputs, several at a time; what is not right is told as it comes."""

    def one_of(number: int) -> Tried:
        tried, _ = attempt(chosen[number], work / f"input_{number}", ground)
        return tried

    found = []
    for number, tried in beside_each_other(one_of, len(chosen), jobs):
        found.append((number, tried))
        if not tried.right:
            print(f"NOT RIGHT {tried.outcome}: {tried.kind}: {tried.name}: {tried.sentence}")
        if len(found) % 50 == 0:
            print(f"{len(found)} of {len(chosen)}", flush=True)
    return [tried for _, tried in sorted(found, key=lambda pair: pair[0])]


def compare(chosen: Sequence[Input], work: Path, ground: Ground, jobs: int) -> list[str]:
    """Inputs of which a process of its own says other words than a child of this one."""

    def both_of(number: int) -> tuple[Ended, Ended]:
        # In one folder, whose name is in what they say.
        one, folder = chosen[number], work / f"compared_{number}"
        _, forked = attempt(one, folder, ground)
        _, own = attempt(one, folder, ground, forked=False)
        return forked, own

    differing = []
    for number, (forked, own) in beside_each_other(both_of, len(chosen), jobs):
        if not said_alike(forked, own):
            name = f"{chosen[number].kind}: {chosen[number].name}"
            print(f"OTHER WORDS: {name}\n{forked.screen}\n---\n{own.screen}")
            differing.append(name)
    return sorted(differing)


def _processor_seconds() -> float:
    """Of this process and of all that it has started and that ended."""
    return sum(os.times()[:4])


def main(arguments: list[str] | None = None) -> int:
    """Command line: 0 if everything is right."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("rooms", nargs="*", choices=[[], *ROOMS], help="all by default")
    parser.add_argument("--every", type=int, default=1, help="only every so many inputs")
    parser.add_argument("--compared", type=int, default=_COMPARED, help="one in so many; 0: none")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--records", type=Path, default=records.FOLDER, help="where to write")
    options = parser.parse_args(arguments)
    chosen = {room: inputs(room)[:: options.every] for room in options.rooms or ROOMS}
    wrong = 0
    # A store of tracked runs waits for the disk at every row; in memory it does not.
    fast = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=fast if fast.is_dir() else None) as place:
        work = Path(place)
        started = time.monotonic()
        ground = prepare(work, any(one.grounded for some in chosen.values() for one in some))
        prepared = time.monotonic() - started
        for room, some in chosen.items():
            started, busy = time.monotonic(), _processor_seconds()
            found = try_all(some, work, ground, options.jobs)
            sample = some[:: options.compared] if options.compared else []
            differing = compare(sample, work, ground, options.jobs)
            seconds = time.monotonic() - started
            took = records.Took(seconds, _processor_seconds() - busy, prepared)
            records.write(options.records, room, found, len(sample), differing, took)
            counts = Counter(tried.outcome for tried in found)
            told = ", ".join(f"{counts[outcome]} {outcome}" for outcome in OUTCOMES)
            print(f"{room}: {len(found)} inputs in {seconds:.0f} s: {told}", flush=True)
            wrong += len(differing) + sum(not tried.right for tried in found)
    print(f"{wrong} not as it should be")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
