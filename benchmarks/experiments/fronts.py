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

# The paper's method.
_REFERENCE = "ties"
_OTHERS = tuple(metric for metric in METRICS if metric != "srcc")
_READING = """\
Each method at its own best strength, which the validation images of each seed chose: the smallest λ
whose SRCC is within a standard error of the best one's and whose answers keep format and
consistency ([how](../merging.md#how-strong)), the smallest one where none does. Mean over the seeds
[95 % interval of the mean]; of one seed alone, its own interval over the scenes, which says nothing
of how seeds scatter.
"""
# Ends of the interval of a run's own figure, beside its value.
_ENDS = ("low", "high")


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
    tables = {title: _table(figures, variant, split) for title, variant in fronts.items()}
    means = {
        title: table.groupby(["method", "strength"], sort=False)[list(METRICS)].mean().reset_index()
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
        best = table[table[CHOSEN] == 1]
        parts += [f"## {title}: each method at its best\n", _READING, _best(best, names)]
        if (best["method"] == _REFERENCE).any():
            parts += [f"Over `{_REFERENCE}`, seed by seed:\n", _over_reference(best, names)]
        parts += [f"## {title}: every strength\n", _all(table, names)]
    return parts, pictures


def _table(figures: pd.DataFrame, variant: str, split: str) -> pd.DataFrame:
    """seed, method, strength, chosen (by validation) and one column a metric, of one split."""
    own = figures[(figures["variant"] == variant) & figures["policy"].str.contains("@")]
    places = ["seed", "split", "policy"]
    named = {"value": "{}"} | {end: f"{{}} {end}" for end in _ENDS}
    parts = [
        own.pivot(index=places, columns="metric", values=part)
        .reindex(columns=list(METRICS))
        .rename(columns=name.format)
        for part, name in named.items()
    ]
    wide = own[places].drop_duplicates().join(pd.concat(parts, axis=1), on=places)
    parted = wide["policy"].str.split("@", expand=True)
    wide = wide.assign(method=parted[0], strength=parted[1].astype(float))
    chosen = own[own["metric"] == CHOSEN].set_index(["seed", "policy"])["value"].rename(CHOSEN)
    return wide[wide["split"] == split].join(chosen, on=["seed", "policy"])


def _best(best: pd.DataFrame, names: Mapping[str, str]) -> str:
    rows = [
        [
            f"`{method}`",
            ", ".join(f"{value:g}" for value in own.sort_values("seed")["strength"]),
            *_means(own),
        ]
        for method, own in best.groupby("method", sort=False)
    ]
    return markdown_table(["", "λ, seed by seed", *_named(names)], rows)


def _over_reference(best: pd.DataFrame, names: Mapping[str, str]) -> str:
    by_seed = best.set_index("seed")
    reference = by_seed.loc[by_seed["method"] == _REFERENCE, list(METRICS)]
    rows = [
        [f"`{method}`", *_means(own[list(METRICS)] - reference)]
        for method, own in by_seed.groupby("method", sort=False)
        if method != _REFERENCE
    ]
    return markdown_table(["", *_named(names)], rows)


def _all(table: pd.DataFrame, names: Mapping[str, str]) -> str:
    rows = [
        [f"`{method}`", f"{strength:g}", *_means(own)]
        for (method, strength), own in table.groupby(["method", "strength"], sort=False)
    ]
    return markdown_table(["", "λ", *_named(names)], rows)


def _means(own: pd.DataFrame) -> list[str]:
    return [with_interval(_mean(own, metric)) for metric in METRICS]


def _mean(own: pd.DataFrame, metric: str) -> dict[str, float]:
    figure = mean_interval(own[metric])._asdict()
    if len(own) == 1 and f"{metric} low" in own:
        return figure | {end: float(own[f"{metric} {end}"].iloc[0]) for end in _ENDS}
    return figure


def _named(names: Mapping[str, str]) -> list[str]:
    return [names.get(metric, metric) for metric in METRICS]
