"""Run the whole project once per seed, and once with shuffled labels, and keep the figures.

    python benchmarks/seeds.py --seeds 1 2 3 4 5 --control-seeds 1
    kedro run --pipelines=results            # docs/results.md from what was kept

Every run is an ordinary `kedro run --pipelines=iteration` with a storage folder and a tracking
database of its own under `--work`. What is kept of it are two small files under `--records`: its
table over rounds (CSV), and how and where it ran (JSON). Runs whose record is there are skipped,
so an interrupted benchmark goes on where it stopped; `--again` repeats them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[1]
LAYERS = {
    "intermediate": "02_intermediate",
    "primary": "03_primary",
    "feature": "04_feature",
    "model_input": "05_model_input",
    "models": "06_models",
    "model_output": "07_model_output",
    "reporting": "08_reporting",
}
LIBRARIES = ("torch", "transformers", "trl", "peft", "mergekit", "kedro", "numpy")


@dataclass(frozen=True)
class SeedRun:
    """One run of the benchmark.

    Attributes:
        seed: the project's `seed`.
        control: whether the training labels are shuffled (`conf/shuffled`).
        environment: configuration environment to start from, None for `conf/base` alone.
    """

    seed: int
    control: bool
    environment: str | None

    @property
    def name(self) -> str:
        """Name of its files."""
        return f"shuffled_{self.seed}" if self.control else f"seed_{self.seed}"


def write_configuration(run: SeedRun, folder: Path) -> Path:
    """A copy of the configuration whose environment `seed` stores everything below `folder`.

    Returns:
        The configuration's folder.

    Raises:
        ValueError: there is no such environment.
    """
    environments = sorted(path.name for path in (PROJECT / "conf").iterdir() if path.is_dir())
    if run.environment not in (None, *environments):
        raise ValueError(f"There is no environment '{run.environment}' in conf: {environments}.")
    source = folder / "conf"
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(PROJECT / "conf", source)
    environment = source / "seed"
    environment.mkdir()
    settings: dict[str, dict[str, Any]] = {"globals": {}, "parameters": {}}
    for name in [run.environment, "shuffled" if run.control else None]:
        for kind in settings:
            path = source / name / f"{kind}.yml" if name else Path()
            if path.is_file():
                settings[kind] |= yaml.safe_load(path.read_text()) or {}
    root = folder.resolve() / "data"
    settings["globals"]["storage"] = {"root": str(root)} | {
        layer: str(root / place) for layer, place in LAYERS.items()
    }
    settings["parameters"]["seed"] = run.seed
    database = folder.resolve() / "mlflow.db"
    tracking = {"server": {"mlflow_tracking_uri": f"sqlite:///{database}"}}
    for kind, content in {**settings, "mlflow": tracking}.items():
        (environment / f"{kind}.yml").write_text(yaml.safe_dump(content, sort_keys=False))
    return source


def run_seed(run: SeedRun, work: Path, records: Path, threads: int | None) -> bool:
    """Run one seed and keep its record.

    Returns:
        Whether the run came to its end; the log tells why not.
    """
    folder = work / run.name
    shutil.rmtree(folder / "data", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    source = write_configuration(run, folder)
    command = [sys.executable, "-m", "kedro", "run", "--pipelines=iteration"]
    command += [f"--conf-source={source.resolve()}", "--env=seed"]
    limits = {} if threads is None else {"OMP_NUM_THREADS": str(threads)}
    print(f"{run.name}: started, log in {folder / 'log.txt'}", flush=True)
    start = time.perf_counter()
    with (folder / "log.txt").open("w") as log:
        ended = subprocess.run(
            command, cwd=PROJECT, env=os.environ | limits, stdout=log, stderr=subprocess.STDOUT
        )
    seconds = time.perf_counter() - start
    tables = sorted((folder / "data/08_reporting").glob("iteration_table.csv/*/*.csv"))
    if ended.returncode or not tables:
        print(f"{run.name}: FAILED after {seconds:.0f} s, see {folder / 'log.txt'}", flush=True)
        return False
    records.mkdir(parents=True, exist_ok=True)
    shutil.copy(tables[-1], records / f"{run.name}.csv")
    record = describe(run, seconds, threads)
    (records / f"{run.name}.json").write_text(json.dumps(record, indent=1) + "\n")
    print(f"{run.name}: done in {seconds:.0f} s", flush=True)
    return True


def describe(run: SeedRun, seconds: float, threads: int | None) -> dict[str, Any]:
    """What is kept of a run beside its figures."""
    environments = [name for name in (run.environment, "shuffled" if run.control else None) if name]
    return {
        "seed": run.seed,
        "control": run.control,
        "command": " ".join(
            ["kedro run --pipelines=iteration"]
            + [f"--env={name}" for name in environments]
            + [f"--params=seed={run.seed}"]
        ),
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

    changed = git("status", "--porcelain", "--untracked-files=no", "--", "src", "conf", "data")
    return git("rev-parse", "--short", "HEAD") + (" with changes" if changed else "")


def main(arguments: list[str] | None = None) -> int:
    """Command line: 0 if every run came to its end."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3, 4, 5])
    parser.add_argument("--control-seeds", type=int, nargs="*", default=[1])
    parser.add_argument("--env", help="configuration environment to start from, e.g. test")
    parser.add_argument("--jobs", type=int, default=1, help="runs side by side")
    parser.add_argument("--threads", type=int, help="threads a run; all cores if not given")
    parser.add_argument("--work", type=Path, default=PROJECT / "data/seeds")
    parser.add_argument("--records", type=Path, default=PROJECT / "benchmarks/records")
    parser.add_argument("--again", action="store_true", help="repeat runs that have a record")
    options = parser.parse_args(arguments)
    runs = [SeedRun(seed, False, options.env) for seed in options.seeds]
    runs += [SeedRun(seed, True, options.env) for seed in options.control_seeds]
    if not options.again:
        runs = [run for run in runs if not (options.records / f"{run.name}.json").is_file()]
    print(f"{len(runs)} runs, {options.jobs} side by side", flush=True)
    with ThreadPoolExecutor(options.jobs) as pool:
        ended = pool.map(
            lambda run: run_seed(run, options.work, options.records, options.threads), runs
        )
    return 0 if all(ended) else 1


if __name__ == "__main__":
    sys.exit(main())
