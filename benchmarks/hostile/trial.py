"""One input tried: it is made, the command is run, and what came of it is compared with its right.

Knows how a screen is read; knows no single input.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.hostile.ground import PARAMETERS, Ground
from benchmarks.hostile.harness import TIMED_OUT, Ended, in_child, in_process_of_its_own, kedro
from benchmarks.hostile.inputs import CRASHED, REFUSED, SILENTLY_WRONG, Found, Input
from benchmarks.runs import PROJECT, Run, write_configuration
from selfscore.configuration.layout import merged

LIMIT = 90.0
_LOGGED = re.compile(r"^\d\d:\d\d:\d\d +(INFO|WARNING|DEBUG) ")
_BAR = re.compile(r"\d+%\|| \[[\d:]+<|it/s\]|\r")
_CONTINUED = re.compile(r"^\s")
# Versions, times of day, durations and ids of tracked runs.
_CHANGING = re.compile(
    r"\d{4}-\d\d-\d\dT[\d.:]+Z|\d\d:\d\d:\d\d|\b[\d.]+ s\b|\b[0-9a-f]{32}\b"
    r"|(?<=http://127\.0\.0\.1:)\d+"
)
_SHOWN = 400


@dataclass(frozen=True)
class Tried:
    """What came of an input.

    Attributes:
        name: of the input.
        kind: of the input.
        command: as a user types it, without the places of this machine.
        outcome: one of `OUTCOMES`.
        right: whether it is one of those that are allowed, with the right result and words.
        sentence: what was said; where it is not right, what is wrong.
        seconds: that the command took.
    """

    name: str
    kind: str
    command: str
    outcome: str
    right: bool
    sentence: str
    seconds: float


def attempt(one: Input, folder: Path, ground: Ground, forked: bool = True) -> tuple[Tried, Ended]:
    """Make an input, run its command, and compare.

    Args:
        one: the input.
        folder: for it alone; it is removed again.
        ground: what is made once for all.
        forked: whether the command runs in a child of this process, or in one of its own.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    ground.copy_to(folder, one.grounded)
    one.make(folder)
    with one.server.started() if one.server else nullcontext({}) as parameters:
        arguments = _arguments(one, folder, parameters)
        if forked:
            run = kedro(arguments, one.variables)
            ended = in_child(run, folder / "screen.txt", LIMIT)
        else:
            ended = in_process_of_its_own(arguments, one.variables, LIMIT)
    tried = outcome_of(one, folder, ended)
    shutil.rmtree(folder, ignore_errors=True)
    return tried, ended


def message_of(screen: str) -> list[str]:
    """The lines of an error: all that is neither a line of the log nor a bar."""
    lines: list[str] = []
    logged = False
    for line in screen.splitlines():
        logged = bool(_LOGGED.match(line)) or (logged and bool(_CONTINUED.match(line)))
        if line.strip() and not logged and not _BAR.search(line):
            lines.append(line.rstrip())
    return lines


def said_alike(one: Ended, other: Ended) -> bool:
    """Whether two runs in one folder ended alike and said the same, but for times and the like."""
    told = [
        sorted(
            _CHANGING.sub("", line)
            for line in ended.screen.splitlines()
            if line.strip() and not _BAR.search(line)
        )
        for ended in (one, other)
    ]
    return one.code == other.code and told[0] == told[1]


# Commands that are told where the configuration is.
_CONFIGURED = ("run", "plan", "stale", "resume", "prune", "create", "replay")


def _arguments(one: Input, folder: Path, hosted: Mapping[str, Any]) -> list[str]:
    """The command's arguments; writes the configuration that they name."""
    environments, given = (("test",), PARAMETERS) if one.grounded else ((), {})
    for more in (one.parameters, hosted):
        given = merged(given, more)
    source = write_configuration(Run("own", 0, "", environments, given), folder)
    for name, text in one.files.items():
        (source / "own" / name).write_text(text.replace("{folder}", str(folder)))
    command = [part.replace("{folder}", str(folder)) for part in one.command]
    words = set(command[:2])
    if words & set(_CONFIGURED):
        told = " ".join(command)
        command += [] if "--conf-source" in told else [f"--conf-source={source}"]
        command += [] if "--env" in told else ["--env=own"]
    return command


def outcome_of(one: Input, folder: Path, ended: Ended) -> Tried:
    """What came of an input, by the screen and by what the command left behind."""
    message = message_of(ended.screen)
    outcome, faults = CRASHED, list(_crashes(ended, message, one.lines))
    if not faults and ended.code != one.code:
        outcome = REFUSED if ended.code else SILENTLY_WRONG
    elif not faults:
        found = _compared(one, folder, ended.screen)
        outcome, faults = found.outcome, found.differences
        outcome = SILENTLY_WRONG if faults else outcome
    leaks = list(_leaks(one, folder, ended.screen))
    if leaks:
        outcome, faults = SILENTLY_WRONG, [*leaks, *faults]
    if not faults and outcome not in one.allowed:
        faults = [f"{outcome} instead of {' or '.join(one.allowed)}"]
        outcome = outcome if ended.code else SILENTLY_WRONG
    flat = " ".join(ended.screen.split())
    if not faults and one.says and not re.search(one.says, flat):
        faults = [f"does not say /{one.says}/"]
    said = " ".join(message) if ended.code else _warnings(ended.screen)
    sentence = "; ".join(faults[:3]) + (": " + said if said else "") if faults else said
    shown = sentence.replace(str(folder), "…").replace(str(PROJECT), "…")
    return Tried(
        one.name,
        one.kind,
        " ".join(["kedro", *one.command]).replace("{folder}/", ""),
        outcome,
        not faults,
        shown if len(shown) < _SHOWN else shown[: _SHOWN - 2] + " …",
        round(ended.seconds, 1),
    )


def _compared(one: Input, folder: Path, screen: str) -> Found:
    try:
        return one.expected.compare(folder, screen)
    except (OSError, ValueError, LookupError) as error:
        return Found(SILENTLY_WRONG, [f"there is no result ({type(error).__name__}: {error})"])


def _crashes(ended: Ended, message: list[str], most: int) -> Iterator[str]:
    if ended.code == TIMED_OUT:
        yield f"did not end within {LIMIT:.0f} s"
    elif ended.code < 0:
        yield f"ended by signal {-ended.code}"
    if "Traceback (most recent call last)" in ended.screen:
        yield "a traceback"
    elif ended.code > 0 and len(message) > most:
        yield f"{len(message)} lines"
    elif ended.code > 0 and not message:
        yield "without a word"


def _leaks(one: Input, folder: Path, screen: str) -> Iterator[str]:
    """Where a text is that must be nowhere."""
    for secret in one.hidden:
        if secret in screen:
            yield "a secret is on the screen"
        written = (file for place in ("data", "mlruns") for file in (folder / place).rglob("*"))
        for file in written:
            if file.is_file() and secret.encode() in file.read_bytes():
                yield f"a secret is in '{file.relative_to(folder)}'"


def _warnings(screen: str) -> str:
    lines = [re.sub(r"^\S+ +", "", line) for line in screen.splitlines() if " WARNING " in line]
    return " ".join(lines)
