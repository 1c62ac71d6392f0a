"""Runs real commands of `kedro`, each in a child of a process that has imported everything once.

Starting Python with torch, Kedro and MLflow takes longer than most refusals do. So a first command
is run in a child that tells what it imported; the parent imports the same and runs nothing, and
every command is a new child of it: as fresh as a process of its own, and there at once.
"""

from __future__ import annotations

import gc
import importlib
import inspect
import io
import logging
import os
import signal
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NoReturn

from benchmarks.runs import PROJECT
from selfscore.provenance.code import PACKAGES, sha256_module
from selfscore.provenance.environment import packages

TIMED_OUT = -1000
_LOOKED_FOR = ("ibis", "pyspark")
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "COLUMNS": "200"}


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        code: its exit code; negative for a signal; `TIMED_OUT`.
        screen: what it printed, both streams.
        seconds: from start to end.
    """

    code: int
    screen: str
    seconds: float


def in_child(work: Callable[[], int], screen: Path, limit: float) -> Ended:
    """Do something in a child process of its own group.

    Args:
        work: gives the exit code.
        screen: file for what is printed.
        limit: seconds after which the group is killed.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        _be_child(work, screen)
    code = _wait(child, started + limit)
    # What it started and left behind ends with it.
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    text = screen.read_text(errors="replace") if screen.is_file() else ""
    return Ended(code, text, time.monotonic() - started)


def kedro(arguments: Sequence[str], variables: Mapping[str, str]) -> Callable[[], int]:
    """`kedro …` in this process."""

    def work() -> int:
        os.chdir(PROJECT)
        os.environ.update(variables)
        sys.argv = ["kedro", *arguments]
        from kedro.framework.cli import main

        main()
        return 0

    return work


def in_process_of_its_own(
    arguments: Sequence[str], variables: Mapping[str, str], limit: float
) -> Ended:
    """`kedro …` as a user starts it."""
    started = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "kedro", *arguments],
            cwd=PROJECT,
            env=os.environ | _ENVIRONMENT | dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=limit,
        )
    except subprocess.TimeoutExpired:
        return Ended(TIMED_OUT, "", time.monotonic() - started)
    screen = done.stdout.decode(errors="replace")
    return Ended(done.returncode, screen, time.monotonic() - started)


def warm(arguments: Sequence[str], folder: Path, more: Sequence[str] = ()) -> Ended:
    """Import what a command imports.

    Args:
        arguments: of a command that needs most of what others need.
        folder: for its notes.
        more: modules that others need.
    """
    os.environ.update(_ENVIRONMENT)
    notes = folder / "modules.txt"
    before = set(sys.modules)

    def rehearse() -> int:
        code = _code_of(kedro(arguments, {}))
        notes.write_text("\n".join(name for name in sys.modules if name not in before))
        return code

    ended = in_child(rehearse, folder / "rehearsal.txt", 600)
    for name in [*notes.read_text().split("\n"), *more]:
        # Some are made by their packages and cannot be imported by name.
        with suppress(Exception), warnings.catch_warnings(action="ignore"):
            importlib.import_module(name)
    # Looks at the file of every module once, which Kedro's settings do at every start.
    inspect.stack()
    # So does every run, to write down which code it has.
    for name in [name for name in sys.modules if name.split(".")[0] in PACKAGES]:
        sha256_module(name)
    # And which packages there are.
    packages()
    # Kedro looks for these anew with every parameter, where they are not installed.
    for name in _LOOKED_FOR:
        if find_spec(name) is None:
            sys.modules[name] = None  # type: ignore[assignment]
    gc.collect()
    gc.freeze()
    return ended


def beside_each_other(
    work: Callable[[int], Any], count: int, jobs: int
) -> Iterator[tuple[int, Any]]:
    """Results of `work(0)`, `work(1)` and so on, in the order in which they come.

    Each is a child of this process, so that this one runs nothing itself and stays as it is.

    Raises:
        RuntimeError: a child ended without a result.
    """
    waiting = iter(range(count))
    running: dict[Connection, int] = {}
    for number in islice(waiting, jobs):
        running[_begin(work, number)] = number
    while running:
        ready = wait(list(running))
        for stream in [one for one in running if one in ready]:
            number = running.pop(stream)
            try:
                yield number, stream.recv()
            except EOFError:
                raise RuntimeError(f"The child that did work {number} ended early.") from None
            finally:
                stream.close()
                os.wait()
            for following in islice(waiting, 1):
                running[_begin(work, following)] = following


def _begin(work: Callable[[int], Any], number: int) -> Connection:
    sys.stdout.flush()
    sys.stderr.flush()
    there, here = Pipe(duplex=False)
    if os.fork() == 0:
        try:
            here.send(work(number))
        except BaseException:
            traceback.print_exc()
        os._exit(0)
    here.close()
    return there


def _be_child(work: Callable[[], int], screen: Path) -> NoReturn:
    os.setsid()
    written = os.open(screen, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, place in ((0, nothing), (1, written), (2, written)):
        os.dup2(place, number)
    streams = [io.TextIOWrapper(os.fdopen(n, "wb", closefd=False)) for n in (1, 2)]
    sys.stdout, sys.stderr = streams
    for stream in streams:
        stream.reconfigure(line_buffering=True, errors="backslashreplace")
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(sys.stdout)
    code = _code_of(work)
    for stream in streams:
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code % 256)


def _code_of(work: Callable[[], int]) -> int:
    """The exit code, also of what ends by an exception, as Python itself would end."""
    try:
        return work()
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
    return 1


def _wait(child: int, deadline: float) -> int:
    pause = 0.005
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(pause)
        pause = min(0.05, pause * 1.5)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return TIMED_OUT
