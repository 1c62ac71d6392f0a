"""Run the whole project once per seed, and once with shuffled labels, and keep the figures.

    python -m benchmarks.seeds --seeds 1 2 3 4 5 --control-seeds 1
    kedro run --pipelines=results            # docs/results.md from what was kept

Every run is an ordinary `kedro run --pipelines=iteration` with a storage folder and a tracking
database of its own under `--work`. What is kept of it are two small files under `--records`: its
table over rounds (CSV), and how and where it ran (JSON). Runs whose record is there are skipped,
so an interrupted benchmark goes on where it stopped; `--again` repeats them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.runs import PROJECT, Run, Setting, run_all

KEEP = {"": "08_reporting/iteration_table.csv/*/*.csv"}


def seed_run(seed: int, control: bool, environment: str | None) -> Run:
    """One run of the benchmark.

    Args:
        seed: the project's `seed`.
        control: whether the training labels are shuffled (`conf/shuffled`).
        environment: configuration environment to start from, None for `conf/base` alone.
    """
    environments = tuple(name for name in (environment, "shuffled" if control else None) if name)
    return Run(
        name=f"shuffled_{seed}" if control else f"seed_{seed}",
        seed=seed,
        command=" ".join(
            ["kedro run --pipelines=iteration"]
            + [f"--env={name}" for name in environments]
            + [f"--params=seed={seed}"]
        ),
        environments=environments,
        about={"control": control},
    )


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
    runs = [seed_run(seed, False, options.env) for seed in options.seeds]
    runs += [seed_run(seed, True, options.env) for seed in options.control_seeds]
    setting = Setting(
        work=options.work,
        records=options.records,
        keep=KEEP,
        threads=options.threads,
        jobs=options.jobs,
        again=options.again,
    )
    return 0 if run_all(runs, setting) else 1


if __name__ == "__main__":
    sys.exit(main())
