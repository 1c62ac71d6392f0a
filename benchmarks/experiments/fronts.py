"""The part of a page that compares merge methods over their strengths, in Markdown and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from benchmarks.experiments.definitions import Definitions
from benchmarks.experiments.drawings import fronts_figure
from benchmarks.experiments.markdown import markdown_table, with_interval
from benchmarks.experiments.means import mean_interval
from benchmarks.experiments.merge_fronts import CHOSEN, METRICS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_OTHERS = tuple(metric for metric in METRICS if metric != "srcc")
_READING = """\
Each method at its own best strength, which the validation images of each seed chose: the smallest λ
whose SRCC is within a standard error of the best one's and whose answers keep format and
consistency ([how](../merging.md#how-strong)), the smallest one where none does. Mean over the seeds
[95 % interval of the mean].
"""


def merge_fronts_part(
    fronts: Mapping[str, str], figures: pd.DataFrame, split: str, definitions: Definitions
) -> tuple[list[str], dict[str, Figure]]:
    """Tables and pictures of some fronts.

    Args:
        fronts: title → variant whose experts were merged.
        figures: variant, seed, policy (`<method>@<strength>`), split, metric, value; of all splits.
        split: whose figures are shown; validation chooses.
        definitions: what metrics are called.

    Returns:
        Parts of the page, and file below `docs` → picture.
    """
    names = definitions.names
    tables = {title: _table(figures, variant) for title, variant in fronts.items()}
    means = {
        title: table[table["split"] == split]
        .groupby(["method", "strength"], sort=False)[list(METRICS)]
        .mean()
        .reset_index()
        for title, table in tables.items()
    }
    pictures, parts = {}, []
    for metric in _OTHERS:
        if any(table[metric].notna().any() for table in means.values()):
            file = f"figures/fronts_{metric}.png"
            pictures[file] = fronts_figure(means, metric, names)
            parts += [
                f"## SRCC against {names.get(metric, metric)}\n",
                f"![One line a method, from its weakest strength to its strongest](../{file})\n",
            ]
    for title, table in tables.items():
        parts += [f"## {title}: each method at its best\n", _READING, _best(table, split, names)]
        parts += [f"## {title}: every strength\n", _all(means[title], names)]
    return parts, pictures


def _table(figures: pd.DataFrame, variant: str) -> pd.DataFrame:
    """seed, split, method, strength, chosen (by validation) and one column a metric."""
    own = figures[(figures["variant"] == variant) & figures["policy"].str.contains("@")]
    wide = own.pivot_table(
        index=["seed", "split", "policy"], columns="metric", values="value", sort=False
    ).reset_index()
    wide = wide.reindex(columns=["seed", "split", "policy", *METRICS, CHOSEN])
    parted = wide["policy"].str.split("@", expand=True)
    wide = wide.assign(method=parted[0], strength=parted[1].astype(float)).drop(columns=CHOSEN)
    chosen = own[own["metric"] == CHOSEN].set_index(["seed", "policy"])["value"].rename(CHOSEN)
    return wide.join(chosen, on=["seed", "policy"])


def _best(table: pd.DataFrame, split: str, names: Mapping[str, str]) -> str:
    at_best = table[(table["split"] == split) & (table[CHOSEN] == 1)]
    rows = []
    for method, own in at_best.groupby("method", sort=False):
        strengths = ", ".join(f"{value:g}" for value in own.sort_values("seed")["strength"])
        figures = [with_interval(mean_interval(own[metric])._asdict()) for metric in METRICS]
        rows.append([f"`{method}`", strengths, *figures])
    header = ["", "λ, seed by seed", *(names.get(metric, metric) for metric in METRICS)]
    return markdown_table(header, rows)


def _all(means: pd.DataFrame, names: Mapping[str, str]) -> str:
    rows = [
        [
            f"`{row['method']}`",
            f"{row['strength']:g}",
            *("–" if pd.isna(row[metric]) else f"{row[metric]:.3f}" for metric in METRICS),
        ]
        for row in means.to_dict("records")
    ]
    return markdown_table(["", "λ", *(names.get(metric, metric) for metric in METRICS)], rows)
