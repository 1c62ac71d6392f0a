"""Charts of the run itself: health, and what merging keeps."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pandas as pd

from selfscore.metrics import catalog
from selfscore.metrics.figures import HEALTH, among
from selfscore.report import labels
from selfscore.report.chart import Chart, Panel, Series, written
from selfscore.report.labels import BASE, MERGED
from selfscore.report.tables import records


def health_chart(
    figures: pd.DataFrame, thresholds: Mapping[str, float | None], split: str
) -> Chart:
    """What shows a collapse without any true score, over the rounds and with the limits.

    Args:
        figures: of all rounds.
        thresholds: `min_<figure>` or `max_<figure>` → the limit.
        split: which images.
    """
    rows = among(figures, of=HEALTH, split=split).sort_values("round", kind="stable")
    panels = []
    for figure in catalog.HEALTH:
        words = catalog.metric(figure)
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


def _layer_and_part(module: str) -> tuple[int, str]:
    """Number of the layer in a module's name (0 without one), and which part of it this is."""
    found = re.search(r"\.(\d+)\.(\w+)", module)
    return (int(found[1]), found[2]) if found else (0, module.split(".")[-1])
