"""Charts of single answers: scores against the truth, levels in use, and how sure they are."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from selfscore.metrics.rank_correlation import srcc
from selfscore.report import labels
from selfscore.report.drawing import Chart, Panel
from selfscore.report.labels import BASE, MERGED

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
    chart = Chart(
        "Predicted against true",
        f"One point per {split} image; scores are in “{unit}”. The closer to the dashed line, the "
        "better. A policy that plays safe stays near the middle.",
        panels=2,
        numbered=False,
    )
    for panel, (name, colour, own) in zip(
        chart.panels, _before_and_after(rows, number), strict=True
    ):
        agreement = float(srcc(own["expected_score"], own["score"]))
        panel.describe(
            name.capitalize(),
            f"Predicted against true score of {len(own)} images, {name}: rank correlation "
            f"{agreement:.2f}.",
            "predicted score",
            "true score",
        )
        _draw_diagonal(panel, both, "predicted = true")
        panel.points(
            name, colour, own["score"].tolist(), own["expected_score"].tolist(), small=True
        )
    return chart.finish()


def levels_chart(answers: pd.DataFrame, split: str, number: int, levels: int) -> Chart:
    """How often each level is written, before and after, against how often it is true.

    Args:
        answers: as for `predicted_chart`.
        split: which images.
        number: the round.
        levels: number of levels.
    """
    rows = answers[(answers["split"] == split) & answers["round"].isin([0, number])]
    counted = [
        (name, colour, _shares(own.loc[own["valid"], "emitted_level"], levels), own)
        for name, colour, own in _before_and_after(rows, number)
    ]
    true = _shares(rows.loc[rows["round"] == 0, "level"], levels)
    top = max(max(true), *(max(shares) for _, _, shares, _ in counted))
    chart = Chart(
        "Levels in use",
        f"How often each level is written for the {split} images (bars), and how often it is true "
        "(dots). A model in collapse would write one level for all.",
        len(counted),
    )
    for panel, (name, colour, shares, own) in zip(chart.panels, counted, strict=True):
        panel.describe(
            name.capitalize(),
            f"Levels written by the {name}: most often level "
            f"{max(range(levels), key=shares.__getitem__)}, {max(shares):.0%} of "
            f"{int(own['valid'].sum())} valid answers.",
            "share of images",
            "level",
            percent=True,
        )
        panel.name_places([str(level) for level in range(levels)])
        panel.bars(f"written by the {name}", colour, range(levels), shares)
        panel.points("true", "truth", range(levels), true)
        panel.axes.set_ylim(0, 1.1 * top)
    return chart.finish()


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
    chart = Chart(
        "Reliability",
        "Can the predicted distribution be believed? On the dashed line, what is claimed with 70 % "
        "is true 70 % of the time; below it the model is too sure. Bars are confidence intervals.",
        panels=2,
    )
    for panel, (name, _, own) in zip(chart.panels, _before_and_after(rows, number), strict=True):
        level = own[own["statement"] == "cumulative"]
        gap = float(((level["confidence"] - level["frequency"]).abs() * level["n"]).sum())
        gap /= max(1, int(level["n"].sum()))
        panel.describe(
            name.capitalize(),
            f"Reliability of the {name}: claimed and true frequencies of “at most level k” "
            f"lie {gap:.1%} apart on average.",
            "how often it was true",
            "claimed probability",
        )
        _draw_diagonal(panel, (0.0, 1.0), "as often as claimed")
        for statement, (label, colour) in _STATEMENTS.items():
            bins = own[own["statement"] == statement]
            x, y, low, high = (
                bins[column].tolist() for column in ("confidence", "frequency", "low", "high")
            )
            if statement == "cumulative":
                panel.line(label, colour, x, y)
            panel.points(label, colour, x, y, low, high)
    return chart.finish()


def _before_and_after(rows: pd.DataFrame, number: int) -> Iterator[tuple[str, str, pd.DataFrame]]:
    yield labels.policy_of_round(0), BASE, rows[rows["round"] == 0]
    yield labels.policy_of_round(number), MERGED, rows[rows["round"] == number]


def _draw_diagonal(panel: Panel, ends: tuple[float, float], name: str) -> None:
    panel.line(name, "guide", ends, ends, dashed=True)
    panel.axes.set_xlim(ends)
    panel.axes.set_ylim(ends)


def _shares(values: pd.Series, levels: int) -> list[float]:
    counts = values.astype(int).value_counts().reindex(range(levels), fill_value=0)
    return (counts / max(1, len(values))).tolist()
