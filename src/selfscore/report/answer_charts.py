"""Charts of single answers: scores against the truth, levels in use, and how sure they are."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from selfscore.metrics.rank_correlation import srcc
from selfscore.report import labels
from selfscore.report.chart import Chart, Panel, Series
from selfscore.report.labels import BASE, MERGED
from selfscore.report.tables import records

_STATEMENTS = {
    "cumulative": ("“at most level k”", "round_4"),
    "top_level": ("“level k”", "scoring"),
}


def predicted_chart(answers: pd.DataFrame, split: str, number: int, unit: str) -> Chart:
    """Expected scores of the base model and of one round's policy against the true ones.

    Args:
        answers: predictions of the base model and of every round's policy, with their round.
        split: which images.
        number: the round.
        unit: of the scores.
    """
    rows = answers[(answers["split"] == split) & answers["round"].isin([0, number])]
    columns = rows[["score", "expected_score"]]
    ends = (float(columns.min().min()), float(columns.max().max()))
    air = 0.04 * (ends[1] - ends[0]) or 0.5
    both = (ends[0] - air, ends[1] + air)
    panels = []
    for name, colour, own in _before_and_after(rows, number):
        agreement = float(srcc(own["expected_score"], own["score"]))
        notes = [
            f"{row['image_id']}: true {row['score']:.2f}, predicted {row['expected_score']:.2f}"
            for row in records(own)
        ]
        points = Series(
            name,
            colour,
            own["score"].tolist(),
            own["expected_score"].tolist(),
            small=True,
            notes=notes,
        )
        panels.append(
            Panel(
                title=name.capitalize(),
                alt=f"Predicted against true score of {len(own)} images, {name}: rank correlation "
                f"{agreement:.2f}.",
                series=[_diagonal(both, "predicted = true"), points],
                x_title="true score",
                y_title="predicted score",
                x_range=both,
                y_range=both,
            )
        )
    text = (
        f"One point per {split} image; scores are in “{unit}”. The closer to the dashed line, the "
        "better. A policy that plays safe stays near the middle."
    )
    return Chart("predicted", "Predicted against true", text, panels, numbers=False)


def levels_chart(answers: pd.DataFrame, split: str, number: int, levels: int) -> Chart:
    """How often each level is written, before and after, against how often it is true.

    Args:
        answers: as for `predicted_chart`.
        split: which images.
        number: the round.
        levels: number of levels.
    """
    places = [str(level) for level in range(levels)]
    rows = answers[(answers["split"] == split) & answers["round"].isin([0, number])]
    counted = [
        (name, colour, _shares(own.loc[own["valid"], "emitted_level"], levels), own)
        for name, colour, own in _before_and_after(rows, number)
    ]
    true = _shares(rows.loc[rows["round"] == 0, "level"], levels)
    top = max(max(true), *(max(shares) for _, _, shares, _ in counted))
    panels = [
        Panel(
            title=name.capitalize(),
            alt=f"Levels written by the {name}: most often level "
            f"{max(range(levels), key=shares.__getitem__)}, {max(shares):.0%} of "
            f"{int(own['valid'].sum())} valid answers.",
            series=[
                Series(f"written by the {name}", colour, places, shares, mark="bars"),
                Series("true", "truth", places, true),
            ],
            x_title="level",
            y_title="share of images",
            y_range=(0.0, 1.1 * top),
            categories=places,
            percent=True,
        )
        for name, colour, shares, own in counted
    ]
    text = (
        f"How often each level is written for the {split} images (bars), and how often it is true "
        "(dots). A model in collapse would write one level for all."
    )
    return Chart("levels", "Levels in use", text, panels)


def reliability_chart(reliability: pd.DataFrame, split: str, number: int) -> Chart:
    """How often what a policy holds for so likely comes true, before and after.

    Args:
        reliability: reliability curves over rounds.
        split: which images.
        number: the round.
    """
    rows = reliability[
        (reliability["split"] == split)
        & reliability["round"].isin([0, number])
        & reliability["policy"].isin([BASE, MERGED])
    ]
    panels = []
    for name, _, own in _before_and_after(rows, number):
        series = [_diagonal((0.0, 1.0), "as often as claimed")]
        for statement, (label, colour) in _STATEMENTS.items():
            bins = own[own["statement"] == statement]
            if statement == "cumulative":
                series.append(
                    Series(
                        label,
                        colour,
                        bins["confidence"].tolist(),
                        bins["frequency"].tolist(),
                        mark="line",
                    )
                )
            series.append(
                Series(
                    label,
                    colour,
                    bins["confidence"].tolist(),
                    bins["frequency"].tolist(),
                    bins["low"].tolist(),
                    bins["high"].tolist(),
                    notes=[
                        f"{label}: claimed {row['confidence']:.0%}, true {row['frequency']:.0%} "
                        f"[{row['low']:.0%} to {row['high']:.0%}] of {row['n']}"
                        for row in records(bins)
                    ],
                )
            )
        level = own[own["statement"] == "cumulative"]
        gap = float(((level["confidence"] - level["frequency"]).abs() * level["n"]).sum())
        gap /= max(1, int(level["n"].sum()))
        panels.append(
            Panel(
                title=name.capitalize(),
                alt=f"Reliability of the {name}: claimed and true frequencies of “at most level k” "
                f"lie {gap:.1%} apart on average.",
                series=series,
                x_title="claimed probability",
                y_title="how often it was true",
                x_range=(0.0, 1.0),
                y_range=(0.0, 1.0),
            )
        )
    text = (
        "Can the predicted distribution be believed? On the dashed line, what is claimed with 70 % "
        "is true 70 % of the time; below it the model is too sure. Bars are 95 % intervals."
    )
    return Chart("reliability", "Reliability", text, panels)


def _before_and_after(rows: pd.DataFrame, number: int) -> Iterator[tuple[str, str, pd.DataFrame]]:
    yield labels.policy_of_round(0), BASE, rows[rows["round"] == 0]
    yield labels.policy_of_round(number), MERGED, rows[rows["round"] == number]


def _diagonal(ends: tuple[float, float], name: str) -> Series:
    return Series(name, "guide", ends, ends, mark="line", dashed=True)


def _shares(values: pd.Series, levels: int) -> list[float]:
    counts = values.astype(int).value_counts().reindex(range(levels), fill_value=0)
    return (counts / max(1, len(values))).tolist()
