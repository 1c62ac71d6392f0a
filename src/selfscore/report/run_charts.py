"""Charts of the run itself: health, how strong a merge is, and what it keeps."""

from __future__ import annotations

import re

import pandas as pd

from selfscore.metrics import catalog
from selfscore.metrics.figures import HEALTH, MERGING, POOLED, STRENGTH, among
from selfscore.metrics.health import HealthThresholds
from selfscore.report import labels
from selfscore.report.drawing import Chart
from selfscore.report.labels import BASE, MERGED, format_value
from selfscore.report.tables import records

# What is measured of a strength, and its colour.
_OF_STRENGTHS = {"srcc": MERGED, "consistency": "consistency", "format_valid": "other_2"}


def health_chart(figures: pd.DataFrame, thresholds: HealthThresholds, split: str) -> Chart:
    """What shows a collapse without any true score, over the rounds and with the limits.

    Args:
        figures: of all rounds.
        thresholds: the limits.
        split: which images.
    """
    rows = among(figures, of=HEALTH, split=split).sort_values("round", kind="stable")
    rows = rows[rows["policy"].isin([BASE, MERGED]) & rows["value"].notna()]
    shown = [figure for figure in catalog.HEALTH if figure in set(rows["metric"])]
    chart = Chart(
        "Health",
        f"What shows a collapse without any true score, on the {split} images. Beyond a dashed "
        "limit the run warns, or stops.",
        len(shown),
    )
    for panel, figure in zip(chart.panels, shown, strict=True):
        words, own = catalog.metric(figure), rows[rows["metric"] == figure]
        rounds, values = own["round"].tolist(), own["value"].tolist()
        limits = [
            limit
            for side in ("min", "max")
            if (limit := getattr(thresholds, f"{side}_{figure}", None)) is not None
        ]
        steps = ", ".join(
            f"{'base model' if number == 0 else f'round {number}'} "
            f"{format_value(value, words.percent)}"
            for number, value in zip(rounds, values, strict=True)
        )
        bounds = " and ".join(format_value(limit, words.percent) for limit in limits)
        alt = f"{words.title}: {steps}; {f'limit {bounds}' if limits else 'no limit'}."
        panel.describe(words.title, alt, words.axis, "round", words.percent, whole=True)
        for limit in limits:
            panel.line("limit", "limit", [rounds[0], rounds[-1]], [limit, limit], dashed=True)
        panel.line(labels.policy(MERGED), MERGED, rounds, values)
        panel.points(labels.policy(MERGED), MERGED, rounds, values)
    return chart.finish()


def merge_strength_chart(figures: pd.DataFrame) -> Chart:
    """What the validation images said of each strength of the merge, and which one was taken.

    Args:
        figures: of all rounds, at least one of them with a strength that was looked for.
    """
    tried = figures[figures["of"] == STRENGTH]
    tried = tried.assign(strength=tried["group"].str.removeprefix("lambda ").astype(float))
    taken = among(figures, of=MERGING, metric="lambda").set_index("round")["value"]
    rounds = list(tried.sort_values("strength", kind="stable").groupby("round"))
    chart = Chart(
        "How strong the merge is",
        "The merged update is put on the policy at the smallest strength λ that scores validation "
        "images as well as the best, within a standard error, and whose answers keep format and "
        "consistency. Answers are written only where that is open.",
        len(rounds),
    )
    for panel, (number, own) in zip(chart.panels, rounds, strict=True):
        chosen = f"λ {taken[number]:g} was taken"
        best = own[own["metric"] == "srcc"].nlargest(1, "value")
        panel.describe(
            f"Round {number}: {chosen}",
            f"Strengths of the merge in round {number}: {chosen}; the best SRCC was "
            f"{format_value(float(best['value'].iloc[0]))} at {best['group'].iloc[0]}.",
            "on validation images",
            "strength λ",
        )
        for name, colour in _OF_STRENGTHS.items():
            rows = own[own["metric"] == name]
            words, (x, y) = catalog.metric(name).short, (rows["strength"], rows["value"])
            panel.line(words, colour, x.tolist(), y.tolist())
            panel.points(words, colour, x.tolist(), y.tolist())
    return chart.finish()


def merge_energy_chart(figures: pd.DataFrame) -> Chart:
    """The share of each layer's merged update that the stored rank keeps, round by round.

    Args:
        figures: of all rounds; those of merging have the weight matrix as their group.
    """
    made = (figures["of"] == MERGING) & (figures["metric"] == "energy_kept")
    kept = figures[made & (figures["group"] != POOLED)]
    rounds = list(kept.groupby("round"))
    low = min(0.9, float(kept["value"].min()) - 0.02)
    chart = Chart(
        "What merging keeps",
        "The merged update is stored as a low-rank adapter. Each point is one weight matrix: the "
        "share of its update’s energy (squared size) that the rank keeps. Far below 90 %, raise "
        "merging.rank.",
        len(rounds),
    )
    for panel, (number, own) in zip(chart.panels, rounds, strict=True):
        places = own["group"].map(_layer_and_part)
        layers, parts = places.str[0], places.str[1]
        least = records(own.nsmallest(1, "value"))[0]
        average = f"{format_value(own['value'].mean(), percent=True)} on average"
        panel.describe(
            f"Round {number}: {average}",
            f"Energy kept per layer in round {number}: {average}, least "
            f"{format_value(least['value'], percent=True)} in {least['group']}.",
            "energy kept",
            "layer",
            percent=True,
            whole=True,
        )
        for place, kind in enumerate(dict.fromkeys(parts)):
            panel.points(
                str(kind),
                f"round_{3 + 2 * (place % 2)}",
                layers[parts == kind].astype(float).tolist(),
                own.loc[parts == kind, "value"].tolist(),
                small=True,
            )
        panel.axes.set_ylim(low, 1.0)
    return chart.finish()


def _layer_and_part(module: str) -> tuple[int, str]:
    """Number of the layer in a module's name (0 without one), and which part of it this is."""
    found = re.search(r"\.(\d+)\.(\w+)", module)
    return (int(found[1]), found[2]) if found else (0, module.split(".")[-1])
