"""Go on from a finished run: train what a user would pick instead, or merge its experts anew.

    python -m benchmarks.experiments.afterwards grpo '{"lr": 1e-4, …}' --configuration FOLDER

`python -m benchmarks.experiments` calls this after the run of a variant with `then`. What was
measured lies with the run's data until it is kept with the run's own figures.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.experiments.competitors.floors import FloorSettings, floors
from benchmarks.experiments.competitors.grpo import GRPOSettings, grpo
from benchmarks.experiments.competitors.levels_alone import LevelsAloneSettings, levels_alone
from benchmarks.experiments.finished_run import FinishedRun
from benchmarks.experiments.measured import Measured
from benchmarks.experiments.merge_fronts import FrontSettings, merge_fronts

AFTERWARDS: dict[str, Callable[[FinishedRun, dict[str, Any]], Measured]] = {
    "floors": lambda run, given: floors(run, FloorSettings(**given)),
    "levels_alone": lambda run, given: levels_alone(run, LevelsAloneSettings(**given)),
    "grpo": lambda run, given: grpo(run, GRPOSettings(**given)),
    "merge_fronts": lambda run, given: merge_fronts(run, FrontSettings(**given)),
}


def main(arguments: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("name", choices=AFTERWARDS)
    parser.add_argument("settings", type=json.loads)
    parser.add_argument("--configuration", type=Path, required=True)
    options = parser.parse_args(arguments)
    run = FinishedRun.open(options.configuration)
    measured = AFTERWARDS[options.name](run, options.settings)
    for name, table in measured._asdict().items():
        table.to_parquet(_file(options.configuration, name))
    return 0


def measured_after(configuration: Path) -> Measured | None:
    """What was measured after the run with this configuration, if anything."""
    files = [_file(configuration, name) for name in Measured._fields]
    if not all(file.is_file() for file in files):
        return None
    return Measured(*map(pd.read_parquet, files))


def _file(configuration: Path, name: str) -> Path:
    return configuration.parent / "data" / f"afterwards_{name}.parquet"


if __name__ == "__main__":
    sys.exit(main())
