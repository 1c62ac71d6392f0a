"""What is kept of the runs: figures, answers and some texts (CSV), how and where (JSON)."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import pandas as pd

from benchmarks.experiments.afterwards import measured_after
from benchmarks.experiments.answers import answers_of, answers_of_rounds
from benchmarks.experiments.definitions import Definitions
from benchmarks.experiments.finished_run import FinishedRun
from benchmarks.experiments.flattening import COLUMNS, flat_figures, named_apart
from benchmarks.experiments.forced_texts import describe_forced_texts
from benchmarks.runs import DESCRIPTIONS, PROJECT, Run
from selfscore.configuration.layout import BASELINE

FIGURES, ANSWERS, EXAMPLES = "figures", "answers", "examples"
RECORDS = PROJECT / "benchmarks/records/experiments"
# A project's configuration is read through what Kedro has once per process.
_one_at_a_time = Lock()


class Records(NamedTuple):
    """The records of many runs.

    Attributes:
        figures: variant, seed, round, policy, split, metric, value, low, high, n.
        answers: variant, seed, and what `answers_of` gives, of policies that are handed on.
        runs: name of a run → how and where it was made, with its `variant` and `seed`.
        examples: name of a run → texts that its base model wrote for right and wrong scores.
    """

    figures: pd.DataFrame
    answers: pd.DataFrame
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
        finished = FinishedRun.open(configuration)
        load = finished.load
        rounds = finished.parameters["rounds"] if "iteration" in run.pipelines else 0
        forced, examples = describe_forced_texts(
            finished.generations,
            load(f"{BASELINE}.readings"),
            finished.scored_images,
            load(f"{BASELINE}.consistency_judge"),
            finished.evaluation,
            definitions.examples,
            finished.seed,
        )
        figures = [forced, flat_figures(load, rounds)]
        answers = [answers_of_rounds(load, rounds)]
        after = measured_after(configuration)
    if after is not None:
        figures.append(named_apart(after.figures))
        answers.append(answers_of(after.judgements))
    kept = {
        FIGURES: (pd.concat(figures)[COLUMNS], "%.5g"),
        ANSWERS: (pd.concat(answers), "%.5g"),
        EXAMPLES: (examples, "%.3g"),
    }
    for kind, (table, digits) in kept.items():
        (folder / kind).mkdir(parents=True, exist_ok=True)
        file = _file(folder, kind, run.name)
        # The same table gives the same bytes, whenever it is packed.
        packing: Any = {"method": "gzip", "mtime": 0} if file.suffix == ".gz" else None
        table.to_csv(file, index=False, float_format=digits, compression=packing)


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
    said = {name: _file(folder, ANSWERS, name) for name in runs}
    tables = {
        kind: [
            pd.read_csv(file, dtype={"image_id": str, "group": str}).assign(
                variant=runs[name]["variant"], seed=runs[name]["seed"]
            )
            for name, file in files.items()
            if file.is_file()
        ]
        for kind, files in {FIGURES: figures, ANSWERS: said}.items()
    }
    answers = pd.concat([pd.DataFrame(), *tables[ANSWERS]], ignore_index=True)
    if len(answers):
        answers = answers.fillna({"group": ""})
    texts = {file.stem: pd.read_csv(file) for file in (folder / EXAMPLES).glob("*.csv")}
    return Records(pd.concat(tables[FIGURES], ignore_index=True), answers, runs, texts)


def _file(folder: Path, kind: str, name: str) -> Path:
    """Where a record lies; a row for every image is much, and packs well."""
    return folder / kind / f"{name}.csv{'.gz' if kind == ANSWERS else ''}"
