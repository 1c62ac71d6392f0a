"""Write docs/hostile_inputs.md from the records: `python -m benchmarks.hostile.page`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.hostile import records
from benchmarks.hostile.__main__ import ROOMS
from benchmarks.hostile.inputs import OUTCOMES
from benchmarks.runs import PROJECT

PAGE = PROJECT / "docs/hostile_inputs.md"
_HEAD = """\
# Inputs of strangers

What becomes of tables, images, parameters, judges' answers, damaged results and handoffs as
strangers may hand them over. Every input says beforehand what may come of it and what the right
result is: which images are used with which scores and levels, which rows are in quarantine, which
level an explanation gets, what may not be deleted, written or shown. The command is run, and what
it left behind is compared with that.

- **used**: the result is the right one.
- **quarantined**: what cannot be used was left out and is listed, the rest is right.
- **refused**: in at most five lines that name what is wrong.
- **crashed**: a traceback, more lines, a signal, or no end within 90 seconds.
- **silently wrong**: another result than the right one, or a secret that was shown.

Everything below is written by `python -m benchmarks.hostile.page` from the records of
`python -m benchmarks.hostile`; `benchmarks/records/hostile/` has a row for each input, with its
command and all that was said.
"""
_HOW = """\
Each command is run in a child of a process that has imported everything once. {compared} of the
inputs were run by a process of their own as well, and {differing} of these said other words.
"""
_WHEN = """\
Measured on {where}: {seconds:.0f} minutes for these rooms, {busy:.0f} of processor time, and
{prepared} s for the run whose results are damaged. Other work, or another room, may have run
beside it.
"""
_SHOWN = 150
# The rows of a room, and how they were measured.
Record = tuple[Sequence[Mapping[str, str]], Mapping[str, Any]]


def page(records_of: Mapping[str, Record]) -> str:
    """The page.

    Args:
        records_of: room → its rows, and how it was measured.
    """
    return "\n".join([_HEAD, *_summary(records_of), "", *_kinds(records_of)]) + "\n"


def _summary(
    records_of: Mapping[str, Record],
) -> Iterator[str]:
    yield f"| | inputs | {' | '.join(OUTCOMES)} | measured |"
    yield "|---" * (len(OUTCOMES) + 3) + "|"
    for room, (rows, about) in records_of.items():
        when = f"{about['finished'][:16].replace('T', ' ')}, {about['commit']}"
        took = f"{about['seconds']} s ({about['busy']} s of processor time)"
        yield f"| {room} | {_counts(rows)} | {when}, {took} |"
    every = [row for rows, _ in records_of.values() for row in rows]
    yield f"| **all** | {_counts(every)} | |"
    yield ""
    told = [about for _, about in records_of.values()]
    where = sorted({f"{about['cores']} cores of {about['processor']}" for about in told})
    yield _WHEN.format(
        where=" and ".join(where),
        seconds=sum(about["seconds"] for about in told) / 60,
        busy=sum(about["busy"] for about in told) / 60,
        prepared=max((about["prepared"] for about in told), default=0),
    )
    compared = sum(about["compared"] for about in told)
    differing = sum(len(about["differing"]) for about in told)
    yield _HOW.format(compared=compared, differing=differing or "none")
    if missing := [room for room in ROOMS if room not in records_of]:
        yield f"Without a record yet, so not on this page: {', '.join(missing)}.\n"


def _kinds(
    records_of: Mapping[str, Record],
) -> Iterator[str]:
    """Of every kind its inputs' outcomes, and for each outcome what was said to one of them."""
    kinds: dict[str, list[Mapping[str, str]]] = {}
    for rows, _ in records_of.values():
        for row in rows:
            kinds.setdefault(row["kind"], []).append(row)
    for kind, rows in kinds.items():
        room, _, what = kind.partition(": ")
        yield f"## {room.capitalize()}: {what}"
        yield ""
        yield "| | inputs | for example | what was said |"
        yield "|---|---|---|---|"
        for outcome in OUTCOMES:
            some = [row for row in rows if row["outcome"] == outcome]
            if some:
                one = max(some, key=lambda row: bool(row["sentence"]))
                name, said = _cell(one["name"]), _cell(one["sentence"])
                yield f"| {outcome} | {len(some)} | {name} | {said} |"
        yield ""


def _counts(rows: Sequence[Mapping[str, str]]) -> str:
    counts = Counter(row["outcome"] for row in rows)
    return " | ".join(str(number) for number in (len(rows), *(counts[one] for one in OUTCOMES)))


def _cell(text: str) -> str:
    """A text that stays in its cell."""
    flat = " ".join(text.split())
    short = flat if len(flat) <= _SHOWN else flat[: _SHOWN - 2] + " …"
    return "".join(f"\\{letter}" if letter in "|<>*_`[]" else letter for letter in short)


def main() -> None:
    """Command line."""
    PAGE.write_text(page({room: records.read(room) for room in records.rooms()}))


if __name__ == "__main__":
    main()
