"""Charts of the run itself: health, what merging keeps, and where the time went."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from selfscore.report import labels
from selfscore.report.chart import Chart, Panel, Series, written
from selfscore.report.labels import BASE, MERGED
from selfscore.report.tables import records

# Of the pipeline's stages; any other comes after them.
_ORDER = [
    "ingestion",
    "baseline",
    "data_generation",
    "preference_building",
    "dpo_training",
    "merging",
    "evaluation",
    "reporting",
]


def health_chart(health: pd.DataFrame, thresholds: Mapping[str, float | None], split: str) -> Chart:
    """What shows a collapse without any true score, over the rounds and with the limits.

    Args:
        health: figures of health over rounds.
        thresholds: `min_<figure>` or `max_<figure>` → the limit.
        split: which images.
    """
    rows = health[health["split"] == split].sort_values("round", kind="stable")
    panels = []
    for figure, words in labels.HEALTH.items():
        own = rows[(rows["metric"] == figure) & rows["value"].notna()]
        if own.empty:
            continue
        handed_on = own[own["policy"].isin([BASE, MERGED])]
        ends = [float(own["round"].min()), float(own["round"].max())]
        limits = [
            Series("limit", "limit", ends, [limit, limit], mark="line", dashed=True)
            for side in ("min", "max")
            if (limit := thresholds.get(f"{side}_{figure}")) is not None
        ]
        steps = ", ".join(
            f"{'base model' if row['round'] == 0 else 'round ' + str(row['round'])} "
            f"{written(row['value'], words.percent)}"
            for row in records(handed_on)
        )
        bounds = " and ".join(written(limit.y[0], words.percent) for limit in limits)
        panels.append(
            Panel(
                title=words.title,
                alt=f"{words.title}: {steps}; {f'limit {bounds}' if limits else 'no limit'}.",
                series=[
                    *limits,
                    Series(
                        labels.policy(MERGED),
                        MERGED,
                        handed_on["round"].tolist(),
                        handed_on["value"].tolist(),
                        mark="line",
                    ),
                    Series(
                        labels.policy(MERGED),
                        MERGED,
                        handed_on["round"].tolist(),
                        handed_on["value"].tolist(),
                    ),
                ],
                x_title="round",
                y_title=words.axis,
                whole=True,
                percent=words.percent,
            )
        )
    text = (
        f"What shows a collapse without any true score, on the {split} images. Beyond a dashed "
        "limit the run warns, or stops."
    )
    return Chart("health", "Health", text, panels)


def merge_energy_chart(merge_energy: pd.DataFrame) -> Chart:
    """The share of each layer's merged update that the stored rank keeps, round by round.

    Args:
        merge_energy: round, module, energy_kept.
    """
    panels = []
    low = min(0.9, float(merge_energy["energy_kept"].min()) - 0.02)
    for number, own in merge_energy.groupby("round"):
        places = own["module"].map(_layer_and_part)
        layers, parts = places.str[0], places.str[1]
        kinds = list(dict.fromkeys(parts))
        series = [
            Series(
                kind,
                f"round_{3 + 2 * (place % 2)}",
                layers[parts == kind].tolist(),
                own.loc[parts == kind, "energy_kept"].tolist(),
                small=True,
                notes=[
                    f"{row['module']}: {row['energy_kept']:.1%}"
                    for row in records(own[parts == kind])
                ],
            )
            for place, kind in enumerate(kinds)
        ]
        least = records(own.nsmallest(1, "energy_kept"))[0]
        average = f"{written(own['energy_kept'].mean(), percent=True)} on average"
        panels.append(
            Panel(
                title=f"Round {number}: {average}",
                alt=f"Energy kept per layer in round {number}: {average}, least "
                f"{written(least['energy_kept'], percent=True)} in {least['module']}.",
                series=series,
                x_title="layer",
                y_title="energy kept",
                y_range=(low, 1.0),
                whole=True,
                percent=True,
            )
        )
    text = (
        "The merged update is stored as a low-rank adapter. Each point is one weight matrix: the "
        "share of its update’s energy (squared size) that the rank keeps. Far below 90 %, raise "
        "merging.rank."
    )
    return Chart("merge_energy", "What merging keeps", text, panels)


def times_chart(step_times: Mapping[str, Mapping[str, Any]]) -> Chart:
    """Where the time went: seconds per stage, one colour a round; no panel when none were taken.

    Args:
        step_times: step → `stage`, `round` (namespace, or "" for what is done once), `seconds`.
    """
    table = tabulate_times(step_times)
    stages = [labels.stage(name) for name in table["stage"].drop_duplicates()]
    series = []
    for number in sorted(set(table["round"].tolist())):
        own = table[table["round"] == number]
        series.append(
            Series(
                {-1: "done once", 0: "base model"}.get(number, f"round {number}"),
                labels.round_colour(number) if number >= 0 else "guide",
                [labels.stage(name) for name in own["stage"]],
                own["seconds"].tolist(),
                mark="bars",
            )
        )
    text = (
        "Time in the steps when they last ran, without loading and saving. Steps that were not "
        "repeated keep their earlier time."
    )
    panels = []
    if len(table):
        longest = table.groupby("stage")["seconds"].sum().idxmax()
        panels.append(
            Panel(
                title="Time per stage",
                alt=f"Time per stage, {duration(table['seconds'].sum())} in all; longest: "
                f"{labels.stage(str(longest))}.",
                series=series,
                x_title="seconds",
                categories=stages,
                horizontal=True,
            )
        )
    return Chart("times", "Time and cost", text, panels, numbers=False)


def tabulate_times(step_times: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Seconds per stage and round, in the order of the work.

    Returns:
        stage, round (-1 for what is done once, 0 for the baseline), seconds.
    """
    rows = pd.DataFrame(
        [
            {
                "stage": step["stage"],
                "round": _round_number(str(step["round"])),
                "seconds": float(step["seconds"]),
            }
            for step in step_times.values()
        ],
        columns=["stage", "round", "seconds"],
    )
    table = rows.groupby(["stage", "round"], as_index=False)["seconds"].sum()
    place = table["stage"].map(lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER))
    return table.assign(place=place).sort_values(["place", "stage", "round"]).drop(columns="place")


def duration(seconds: float) -> str:
    """Seconds in words: "0.4 s", "12 s", "3.4 min", "1.5 h"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _round_number(namespace: str) -> int:
    found = re.fullmatch(r"iteration_(\d+)", namespace)
    return int(found[1]) if found else 0 if namespace == "baseline" else -1


def _layer_and_part(module: str) -> tuple[int, str]:
    """Number of the layer in a module's name (0 without one), and which part of it this is."""
    found = re.search(r"\.(\d+)\.(\w+)", module)
    return (int(found[1]), found[2]) if found else (0, module.split(".")[-1])
