"""Ordinary `kedro run`s, each with a storage folder and a tracking database of its own.

Knows how a run is configured, carried out and described; knows nothing of what it is for.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

PROJECT = Path(__file__).resolve().parents[1]
DESCRIPTIONS = "runs"
LIBRARIES = ("torch", "transformers", "trl", "peft", "mergekit", "kedro", "numpy")


@dataclass(frozen=True)
class Run:
    """One run.

    Attributes:
        name: of its folder and of its records.
        seed: the project's `seed`.
        command: how to repeat it.
        environments: configuration environments laid over `conf/base`, in this order.
        parameters: laid over those.
        places: laid over `images` in globals.yml: the folder of its images, and their scores.
        pipelines: names of registered pipelines.
        then: module and arguments of what goes on from it; `--configuration` is added.
        about: what else its description says.
    """

    name: str
    seed: int
    command: str
    environments: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)
    pipelines: tuple[str, ...] = ("iteration",)
    then: tuple[str, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Setting:
    """Where and how runs are carried out.

    Attributes:
        work: folder below which each run has one, with its configuration, data and log.
        records: folder of what is kept; of every run a description, in `runs`.
        keep: given a finished run and the folder of its configuration, takes out what else is
            kept of it.
        threads: of each run; None: all cores.
        jobs: runs side by side.
    """

    work: Path
    records: Path
    keep: Callable[[Run, Path], None]
    threads: int | None = None
    jobs: int = 1


def run_all(runs: Sequence[Run], setting: Setting) -> bool:
    """Carry out runs.

    Returns:
        Whether all of them came to their end.
    """
    print(f"{len(runs)} runs, {setting.jobs} side by side", flush=True)
    with ThreadPoolExecutor(setting.jobs) as pool:
        return all(list(pool.map(lambda run: run_one(run, setting), runs)))


def run_one(run: Run, setting: Setting) -> bool:
    """Carry out one run and keep its records, the description last.

    Returns:
        Whether the run came to its end; the log tells why not.
    """
    folder = setting.work / run.name
    shutil.rmtree(folder / "data", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    source = write_configuration(run, folder)
    at = source.resolve()
    commands = [["kedro", "run", f"--pipelines={','.join(run.pipelines)}"]]
    commands[0] += [f"--conf-source={at}", "--env=own"]
    if run.then:
        commands.append([*run.then, f"--configuration={at}"])
    limits = {} if setting.threads is None else {"OMP_NUM_THREADS": str(setting.threads)}
    print(f"{run.name}: started, log in {folder / 'log.txt'}", flush=True)
    start = time.perf_counter()
    with (folder / "log.txt").open("w") as log:
        # The first that fails is the last.
        ended = all(
            not subprocess.run(
                [sys.executable, "-m", *command],
                cwd=PROJECT,
                env=os.environ | limits,
                stdout=log,
                stderr=subprocess.STDOUT,
            ).returncode
            for command in commands
        )
    seconds = time.perf_counter() - start
    if not ended:
        print(f"{run.name}: FAILED after {seconds:.0f} s, see {folder / 'log.txt'}", flush=True)
        return False
    setting.keep(run, source)
    description = setting.records / DESCRIPTIONS / f"{run.name}.json"
    description.parent.mkdir(parents=True, exist_ok=True)
    description.write_text(json.dumps(describe(run, seconds, setting.threads), indent=1) + "\n")
    print(f"{run.name}: done in {seconds:.0f} s", flush=True)
    return True


def write_configuration(run: Run, folder: Path) -> Path:
    """A copy of the configuration whose environment `own` stores everything below `folder`.

    Returns:
        The configuration's folder.

    Raises:
        ValueError: there is no such environment.
    """
    there = sorted(path.name for path in (PROJECT / "conf").iterdir() if path.is_dir())
    for name in run.environments:
        if name not in there:
            raise ValueError(f"There is no environment '{name}' in conf: {there}.")
    source = folder / "conf"
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(PROJECT / "conf", source)
    settings = {
        kind: [_read(source / name / f"{kind}.yml") for name in run.environments]
        for kind in ("globals", "parameters")
    }
    place = str(folder.resolve() / "data")
    settings["globals"].append({"storage": {"root": place, "scratch": place}})
    if run.places:
        settings["globals"].append({"images": dict(run.places)})
    settings["parameters"] += [dict(run.parameters), {"seed": run.seed}]
    database = folder.resolve() / "mlflow.db"
    settings["mlflow"] = [{"server": {"mlflow_tracking_uri": f"sqlite:///{database}"}}]
    (source / "own").mkdir()
    for kind, layers in settings.items():
        OmegaConf.save(OmegaConf.merge(*layers), source / "own" / f"{kind}.yml")
    return source


def describe(run: Run, seconds: float, threads: int | None) -> dict[str, Any]:
    """What is kept of a run beside its figures: how long it took, where, and of which commit."""
    return {
        "seed": run.seed,
        **run.about,
        "command": run.command,
        "seconds": round(seconds),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "threads": threads or os.cpu_count(),
        "cores": os.cpu_count(),
        "processor": processor(),
        "python": platform.python_version(),
        "versions": {library: version(library) for library in LIBRARIES},
        "commit": commit(),
    }


def processor() -> str:
    """The processor's name, where the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def commit() -> str:
    """The commit that ran, marked where the sources or the configuration differ from it."""

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=PROJECT, capture_output=True, text=True
        ).stdout.strip()

    sources = ("src", "conf", "data", "benchmarks/experiments")
    changed = git("status", "--porcelain", "--untracked-files=no", "--", *sources)
    return git("rev-parse", "--short", "HEAD") + (" with changes" if changed else "")


def _read(file: Path) -> dict[str, Any]:
    return (yaml.safe_load(file.read_text()) or {}) if file.is_file() else {}
