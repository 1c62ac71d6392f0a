"""What is kept of the runs: their figures and some of their texts (CSV), how and where (JSON)."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import pandas as pd
from kedro.framework.startup import bootstrap_project

from benchmarks.experiments.definitions import Definitions
from benchmarks.experiments.flattening import COLUMNS, flat_figures
from benchmarks.experiments.forced_texts import describe_forced_texts
from benchmarks.runs import DESCRIPTIONS, PROJECT, Run
from selfscore.layout import BASELINE
from selfscore.pipelines.evaluation.settings import EvaluationSettings
from selfscore.provenance.project import open_project

FIGURES, EXAMPLES = "figures", "examples"
RECORDS = PROJECT / "benchmarks/records/experiments"
# A project's configuration is read through what Kedro has once per process.
_one_at_a_time = Lock()


class Records(NamedTuple):
    """The records of many runs.

    Attributes:
        figures: variant, seed, round, policy, metric, value, low, high, n.
        runs: name of a run → how and where it was made, with its `variant` and `seed`.
        examples: name of a run → texts that its base model wrote for right and wrong scores.
    """

    figures: pd.DataFrame
    runs: dict[str, dict[str, Any]]
    examples: dict[str, pd.DataFrame]


def keep_record(run: Run, configuration: Path, folder: Path, definitions: Definitions) -> None:
    """Take figures and texts out of a finished run.

    Args:
        run: what was run.
        configuration: folder with the environment `own` that it ran in.
        folder: of the records.
        definitions: what is kept.
    """
    with _one_at_a_time:
        bootstrap_project(PROJECT)
        project = open_project(PROJECT, environment="own", conf_source=str(configuration))
        load, parameters = project.catalog.load, project.parameters
        rounds = parameters["rounds"] if "iteration" in run.pipelines else 0
        forced, examples = describe_forced_texts(
            load(f"{BASELINE}.generations"),
            load(f"{BASELINE}.readings"),
            load("scored_images"),
            load(f"{BASELINE}.consistency_judge"),
            EvaluationSettings(**parameters["evaluation"]),
            definitions.examples,
            parameters["seed"],
        )
        figures = flat_figures(load, rounds, definitions.split)
    kept = {
        FIGURES: (pd.concat([forced, figures])[COLUMNS], "%.5g"),
        EXAMPLES: (examples, "%.3g"),
    }
    for kind, (table, digits) in kept.items():
        (folder / kind).mkdir(parents=True, exist_ok=True)
        table.to_csv(folder / kind / f"{run.name}.csv", index=False, float_format=digits)


def read_records(folder: Path) -> Records:
    """The records of all runs.

    Raises:
        ValueError: there is no run, or a run has only one of its two records.
    """
    figures = {file.stem: file for file in sorted((folder / FIGURES).glob("*.csv"))}
    descriptions = sorted((folder / DESCRIPTIONS).glob("*.json"))
    runs = {file.stem: json.loads(file.read_text()) for file in descriptions}
    alone = sorted(set(figures) ^ set(runs))
    if alone:
        raise ValueError(
            f"There is only one of the two records for {', '.join(alone)}: remove it and run "
            "`python -m benchmarks.experiments` again."
        )
    if not runs:
        raise ValueError(
            f"There are no records in {folder}: run `python -m benchmarks.experiments` first."
        )
    tables = [
        pd.read_csv(file).assign(variant=runs[name]["variant"], seed=runs[name]["seed"])
        for name, file in figures.items()
    ]
    texts = {file.stem: pd.read_csv(file) for file in (folder / EXAMPLES).glob("*.csv")}
    return Records(pd.concat(tables, ignore_index=True), runs, texts)
