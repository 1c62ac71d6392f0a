"""Charts of the policies' figures: over the rounds, and side by side."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from selfscore.metrics import catalog
from selfscore.metrics.figures import PRIOR, SHUFFLED, among
from selfscore.report import labels
from selfscore.report.chart import Chart, Panel, Series, written
from selfscore.report.curves import measured
from selfscore.report.labels import BASE, MERGED
from selfscore.report.tables import records

# Points of one round stand beside each other, so that their intervals can be told apart.
_STEP = 0.08


def curves_chart(figures: pd.DataFrame, split: str, metrics: Sequence[str]) -> Chart:
    """The way of the policy from round to round, and the experts branching off from it.

    Args:
        figures: of all rounds.
        split: which images.
        metrics: one panel each; those that were not measured are left out.

    Raises:
        ValueError: none of them was measured.
    """
    table = among(figures)
    return Chart(
        name="curves",
        title="Round by round",
        text=f"On the {split} images. The line is the policy that is handed on, from the base "
        "model (round 0); each round's experts branch off from the policy they were trained on, "
        "and are merged into the next one. Bars are 95 % intervals.",
        panels=[_curve(table, split, metric) for metric in measured(table, split, metrics)],
    )


def policies_chart(
    figures: pd.DataFrame,
    split: str,
    metrics: Sequence[str],
    number: int,
) -> Chart:
    """Base model, experts and merged policy of one round, with what they have to be compared with.

    Args:
        figures: of all rounds.
        split: which images.
        metrics: one panel each; those that were not measured are left out.
        number: the round.

    Raises:
        ValueError: none of them was measured.
    """
    table = among(figures)
    shown = table[table["round"].isin([0, number]) & ((table["round"] > 0) | (number > 0))]
    controls = among(figures, of=None, round=number, split=split)
    return Chart(
        name="policies",
        title=f"The policies of round {number} side by side",
        text=f"On the {split} images, with 95 % intervals. Controls: the same policies when the "
        "images are shuffled among the questions (their agreement must be about 0), and the best "
        "answer that is the same for every image.",
        panels=[
            _comparison(shown, controls, split, metric)
            for metric in measured(shown, split, metrics)
        ],
    )


def _rows(table: pd.DataFrame, split: str, metric: str) -> pd.DataFrame:
    return among(table, split=split, metric=metric).sort_values("round", kind="stable")


def _curve(table: pd.DataFrame, split: str, metric: str) -> Panel:
    rows = _rows(table, split, metric)
    words = catalog.metric(metric)
    policies = rows["policy"].drop_duplicates().tolist()
    colours = labels.colours(policies)
    handed_on = rows[rows["policy"].isin([BASE, MERGED])]
    at = handed_on.set_index("round")["value"]
    series = []
    for place, policy in enumerate(name for name in policies if name not in (BASE, MERGED)):
        own = rows[rows["policy"] == policy]
        # By turns left and right of the merged policy.
        offset = _STEP * (place // 2 + 1) * (1 if place % 2 else -1)
        x: list[float | str | None] = []
        y: list[float] = []
        for number, value in zip(own["round"], own["value"], strict=True):
            x += [number - 1, number + offset, None]
            y += [float(at.get(number - 1, float("nan"))), value, float("nan")]
        label = labels.policy(policy)
        series.append(Series(label, colours[policy], x, y, mark="line", dashed=True))
        series.append(_points(own, label, colours[policy], offset))
    series.append(
        Series(labels.policy(MERGED), MERGED, at.index.tolist(), at.tolist(), mark="line")
    )
    base, merged = (rows[rows["policy"] == name] for name in (BASE, MERGED))
    series.append(_points(merged, labels.policy(MERGED), MERGED))
    series.append(_points(base, labels.policy(BASE), BASE))
    steps = ", ".join(
        f"{'base model' if number == 0 else f'round {number}'} {written(value, words.percent)}"
        for number, value in at.items()
    )
    return Panel(
        title=words.title,
        alt=f"{words.title}, {words.axis}: {steps}.",
        series=series,
        x_title="round",
        y_title=words.axis,
        whole=True,
        percent=words.percent,
    )


def _comparison(table: pd.DataFrame, controls: pd.DataFrame, split: str, metric: str) -> Panel:
    rows = _rows(table, split, metric)
    words = catalog.metric(metric)
    policies = rows["policy"].tolist()
    colours = labels.colours(policies)
    series = []
    own = controls[controls["metric"] == metric]
    shuffled = own[(own["of"] == SHUFFLED) & own["policy"].isin(policies)]
    if len(shuffled):
        series.append(_at_names(shuffled, "with shuffled images", "guide", small=True))
    prior = own[own["of"] == PRIOR]
    if len(prior) and prior["value"].iloc[0]:
        ends = [policies[0], policies[-1]]
        series.append(
            Series(
                "same answer for all",
                "guide",
                ends,
                [prior["value"].iloc[0]] * 2,
                mark="line",
                dashed=True,
            )
        )
    for policy in policies:
        one = rows[rows["policy"] == policy]
        series.append(_at_names(one, labels.policy(policy), colours[policy]))
    listed = ", ".join(
        f"{labels.policy(policy)} {written(value, words.percent)}"
        for policy, value in zip(policies, rows["value"], strict=True)
    )
    return Panel(
        title=words.title,
        alt=f"{words.title}, {words.axis}: {listed}.",
        series=series,
        y_title=words.axis,
        categories=policies,
        percent=words.percent,
    )


def _points(rows: pd.DataFrame, name: str, colour: str, offset: float = 0.0) -> Series:
    return Series(
        name,
        colour,
        (rows["round"] + offset).tolist(),
        rows["value"].tolist(),
        rows["low"].tolist(),
        rows["high"].tolist(),
        notes=[
            f"{name}, round {row['round']}: {row['value']:.3f} "
            f"[{row['low']:.3f} to {row['high']:.3f}]"
            for row in records(rows)
        ],
    )


def _at_names(rows: pd.DataFrame, name: str, colour: str, small: bool = False) -> Series:
    return Series(
        name,
        colour,
        rows["policy"].tolist(),
        rows["value"].tolist(),
        rows["low"].tolist(),
        rows["high"].tolist(),
        small=small,
    )
