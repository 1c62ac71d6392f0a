"""Charts of the policies' figures: over the rounds, and side by side."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from selfscore.metrics import catalog
from selfscore.metrics.figures import PRIOR, RIDGE, SHUFFLED, among
from selfscore.report import labels
from selfscore.report.drawing import Chart, Panel
from selfscore.report.labels import BASE, MERGED, format_value
from selfscore.report.tables import values_of

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
    shown = measured(table, split, metrics)
    chart = Chart(
        "Round by round",
        f"On the {split} images. The line is the policy that is handed on, from the base "
        "model (round 0); each round's experts branch off from the policy they were trained on, "
        "and are merged into the next one. Bars are confidence intervals.",
        len(shown),
    )
    for panel, metric in zip(chart.panels, shown, strict=True):
        _draw_curve(panel, _rows(table, split, metric), metric)
    return chart.finish()


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
    rows = table[table["round"].isin([0, number]) & ((table["round"] > 0) | (number > 0))]
    # What the features alone are worth is the same in every round, and is measured once.
    controls = pd.concat(
        [
            among(figures, of=None, round=number, split=split),
            among(figures, of=RIDGE, round=0, split=split),
        ]
    )
    shown = measured(rows, split, metrics)
    chart = Chart(
        f"The policies of round {number} side by side",
        f"On the {split} images, with confidence intervals. Controls: the same policies when the "
        "images are shuffled among the questions (their agreement must be about 0), the best "
        "answer that is the same for every image, and a ridge regression on the same image "
        "features.",
        len(shown),
    )
    for panel, metric in zip(chart.panels, shown, strict=True):
        own = controls[controls["metric"] == metric]
        _draw_comparison(panel, _rows(rows, split, metric), own, metric)
    return chart.finish()


def measured(table: pd.DataFrame, split: str, metrics: Sequence[str]) -> list[str]:
    """Those of the metrics that have a value on this split, in the order given.

    Raises:
        ValueError: none has.
    """
    rows = table[(table["split"] == split) & table["value"].notna()]
    found = [metric for metric in metrics if metric in set(rows["metric"])]
    if not found:
        raise ValueError(
            f"None of the metrics {list(metrics)} was measured on the split '{split}': choose "
            f"`reporting.split` from {sorted(table['split'].unique())} and `reporting.metrics` "
            f"from {sorted(table['metric'].unique())}."
        )
    return found


def _rows(table: pd.DataFrame, split: str, metric: str) -> pd.DataFrame:
    return among(table, split=split, metric=metric).sort_values("round", kind="stable")


def _draw_curve(panel: Panel, rows: pd.DataFrame, metric: str) -> None:
    words = catalog.metric(metric)
    policies = rows["policy"].drop_duplicates().tolist()
    colours = labels.colours(policies)
    at = rows[rows["policy"].isin([BASE, MERGED])].set_index("round")["value"]
    steps = ", ".join(
        f"{'base model' if number == 0 else f'round {number}'} {format_value(value, words.percent)}"
        for number, value in at.items()
    )
    alt = f"{words.title}, {words.axis}: {steps}."
    panel.describe(words.title, alt, words.axis, "round", words.percent, whole=True)
    for place, policy in enumerate(name for name in policies if name not in (BASE, MERGED)):
        own = rows[rows["policy"] == policy]
        # By turns left and right of the merged policy.
        offset = _STEP * (place // 2 + 1) * (1 if place % 2 else -1)
        x, y = [], []
        for number, value in zip(own["round"], own["value"], strict=True):
            x += [number - 1, number + offset, float("nan")]
            y += [float(at.get(number - 1, float("nan"))), value, float("nan")]
        panel.line(labels.policy(policy), colours[policy], x, y, dashed=True)
        _draw_points(panel, own, labels.policy(policy), colours[policy], offset)
    panel.line(labels.policy(MERGED), MERGED, at.index.tolist(), at.tolist())
    for policy in (MERGED, BASE):
        _draw_points(panel, rows[rows["policy"] == policy], labels.policy(policy), policy)


def _draw_points(
    panel: Panel, rows: pd.DataFrame, name: str, colour: str, offset: float = 0.0
) -> None:
    panel.points(name, colour, (rows["round"] + offset).tolist(), *values_of(rows))


def _draw_comparison(panel: Panel, rows: pd.DataFrame, controls: pd.DataFrame, metric: str) -> None:
    words = catalog.metric(metric)
    policies = rows["policy"].tolist()
    colours = labels.colours(policies)
    listed = ", ".join(
        f"{labels.policy(policy)} {format_value(value, words.percent)}"
        for policy, value in zip(policies, rows["value"], strict=True)
    )
    alt = f"{words.title}, {words.axis}: {listed}."
    panel.describe(words.title, alt, words.axis, percent=words.percent)
    panel.name_places(policies)
    shuffled = controls[(controls["of"] == SHUFFLED) & controls["policy"].isin(policies)]
    if len(shuffled):
        places = [policies.index(policy) for policy in shuffled["policy"]]
        panel.points("with shuffled images", "guide", places, *values_of(shuffled), small=True)
    prior = controls.loc[controls["of"] == PRIOR, "value"]
    if len(prior) and prior.iloc[0]:
        ends = [0, len(policies) - 1]
        panel.line("same answer for all", "guide", ends, [prior.iloc[0]] * 2, dashed=True)
    for ridge in controls.loc[controls["of"] == RIDGE, "value"]:
        ends = [0, len(policies) - 1]
        panel.line("ridge on the image features", "truth", ends, [ridge] * 2, dashed=True)
    for place, policy in enumerate(policies):
        one = rows[rows["policy"] == policy]
        panel.points(labels.policy(policy), colours[policy], [place], *values_of(one))
