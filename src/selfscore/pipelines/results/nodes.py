"""Nodes of results: seeds side by side, their means, and the page that tells of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from selfscore.metrics.means import mean_interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Partitions = Mapping[str, Callable[[], Any]]

_FIGURE = ["control", "round", "policy", "split", "group", "metric"]


def collect_seeds(seed_tables: Partitions, seed_runs: Partitions) -> pd.DataFrame:
    """All seeds' tables over rounds in one, each row with its seed.

    Args:
        seed_tables: name of a run → its table over rounds.
        seed_runs: name of a run → its description, with `seed` and `control`.

    Returns:
        seed, control, and the columns of the table over rounds.

    Raises:
        ValueError: there is no run, or a run has only one of its two records.
    """
    if not seed_tables or set(seed_tables) != set(seed_runs):
        alone = sorted(set(seed_tables) ^ set(seed_runs))
        raise ValueError(
            "The page of results needs a table and a description of every run"
            + (f"; only one of the two is there for {', '.join(alone)}" if alone else "")
            + ". Run `python -m benchmarks.seeds` first."
        )
    tables = []
    for name, load in sorted(seed_tables.items()):
        run = seed_runs[name]()
        tables.append(load().assign(seed=run["seed"], control=run["control"]))
    collected = pd.concat(tables, ignore_index=True)
    first = ["seed", "control"]
    return collected[first + [column for column in collected if column not in first]]


def summarize_seeds(figures: pd.DataFrame) -> pd.DataFrame:
    """Means over the seeds.

    Args:
        figures: the figures of every seed.

    Returns:
        control, round, policy, split, group, metric; value, the mean over the seeds; low and high,
        its 95 % t interval (for a single seed, that seed's own bootstrap interval); smallest and
        largest of the seeds; n, the number of seeds.
    """
    rows = []
    for key, group in figures.groupby(_FIGURE, sort=False):
        values = group["value"].dropna().to_numpy(dtype=float)
        mean = mean_interval(values)
        if len(values) < 2:
            mean = mean._replace(low=group["low"].iloc[0], high=group["high"].iloc[0])
        rows.append(
            {
                **dict(zip(_FIGURE, key, strict=True)),
                **mean._asdict(),
                "smallest": float(values.min()) if mean.n else float("nan"),
                "largest": float(values.max()) if mean.n else float("nan"),
            }
        )
    return pd.DataFrame(rows)


def write_results_page(
    figures: pd.DataFrame,
    summary: pd.DataFrame,
    seed_runs: Partitions,
    parameters: dict[str, Any],
) -> str:
    """The page, in Markdown.

    Args:
        figures: the figures of every seed.
        summary: their means.
        seed_runs: name of a run → how and where it ran.
        parameters: `split`, `metrics`, `targets`.
    """
    from selfscore.pipelines.results.page import render_page

    runs = [load() for _, load in sorted(seed_runs.items())]
    return render_page(figures, summary, runs, parameters)


def draw_results_figure(summary: pd.DataFrame, parameters: dict[str, Any]) -> Figure:
    """The curves over rounds, means over the seeds with their intervals.

    Args:
        summary: means over the seeds.
        parameters: `split`, `figure_metrics`.
    """
    from selfscore.report.curves import printed_curves

    real = summary[~summary["control"].astype(bool)]
    return printed_curves(real, parameters["split"], parameters["figure_metrics"])
