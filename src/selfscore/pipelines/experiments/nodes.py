"""Nodes of the experiments' pages: the records of all runs in one table, and the pages."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from selfscore.pipelines.experiments.comparison import judge_claim, variants_of

logger = logging.getLogger(__name__)

Partitions = Mapping[str, Callable[[], Any]]

INDEX = "README"


def collect_runs(recorded_figures: Partitions, recorded_runs: Partitions) -> pd.DataFrame:
    """The figures of all runs in one table.

    Args:
        recorded_figures: name of a run → its figures.
        recorded_runs: name of a run → its description, with `variant` and `seed`.

    Returns:
        variant, seed, and the columns of the figures.

    Raises:
        ValueError: a run has only one of its two records.
    """
    alone = sorted(set(recorded_figures) ^ set(recorded_runs))
    if alone:
        raise ValueError(
            f"There is only one of the two records for {', '.join(alone)}: remove it and run "
            "`python -m benchmarks.experiments` again."
        )
    tables = []
    for name, load in sorted(recorded_figures.items()):
        run = recorded_runs[name]()
        tables.append(load().assign(variant=run["variant"], seed=run["seed"]))
    return pd.concat(tables, ignore_index=True)


def write_pages(
    figures: pd.DataFrame,
    recorded_runs: Partitions,
    recorded_examples: Partitions,
    parameters: dict[str, Any],
) -> dict[str, str]:
    """The pages of the experiments whose runs are all recorded, and the list of them.

    Args:
        figures: of all runs.
        recorded_runs: name of a run → how and where it was made.
        recorded_examples: name of a run → texts that its base model wrote.
        parameters: `variants` and `pages`, see `selfscore.pipelines.experiments.comparison`;
            `split` and `names` of metrics.

    Returns:
        Name of the experiment → its page in Markdown; `README` → the list. A page rests on the
        seeds that all of its variants have.

    Raises:
        ValueError: no experiment has its runs.
    """
    from selfscore.pipelines.experiments.page import render_index, render_page

    runs = {name: load() for name, load in sorted(recorded_runs.items())}
    pages, findings = {}, {}
    for name, experiment in parameters["pages"].items():
        variants = variants_of(experiment)
        seeds = _common_seeds(figures, variants)
        if not seeds:
            logger.warning(
                "The page '%s' is not written: run `python -m benchmarks.experiments %s` first.",
                name,
                name,
            )
            continue
        own = figures[figures["variant"].isin(variants) & figures["seed"].isin(seeds)]
        findings[name] = [judge_claim(claim, own) for claim in experiment["claims"]]
        made = {
            key: run
            for key, run in runs.items()
            if run["variant"] in variants and run["seed"] in seeds
        }
        examples = {
            run["variant"]: recorded_examples[key]()
            for key, run in made.items()
            if run["seed"] == seeds[0] and key in recorded_examples
        }
        pages[name] = render_page(
            name, experiment, findings[name], own, list(made.values()), examples, parameters
        )
    if not pages:
        raise ValueError(
            "No experiment has its runs yet: run `python -m benchmarks.experiments` first."
        )
    return pages | {INDEX: render_index(findings, parameters)}


def _common_seeds(figures: pd.DataFrame, variants: list[str]) -> list[int]:
    seeds = [set(figures.loc[figures["variant"] == name, "seed"]) for name in variants]
    return sorted(set.intersection(*seeds))
