"""Chart of the counterfactual test: are known faults named that were rendered on pictures?"""

from __future__ import annotations

import pandas as pd

from selfscore.metrics import catalog
from selfscore.metrics.figures import NO_EDIT, OTHER_PICTURE, among
from selfscore.report import labels
from selfscore.report.drawing import Chart, Panel
from selfscore.report.labels import BASE, format_value
from selfscore.report.tables import values_of

# Figure, and the one that has to lie below it: which figure of what, and what that is called.
_PANELS = (
    ("counterfactual", ("counterfactual", OTHER_PICTURE), "with another picture’s text"),
    ("counterfactual_hits", ("counterfactual_false_alarms", ""), "of edits without effect"),
    ("counterfactual_mentions", ("counterfactual_mentions", NO_EDIT), "where nothing was done"),
)


def counterfactual_chart(figures: pd.DataFrame, number: int) -> Chart:
    """The policies of one round beside the base model, each figure with its control.

    Args:
        figures: of all rounds, with those of the counterfactual test.
        number: the round.
    """
    of_base = among(figures, of=None, round=0, policy=BASE)
    of_round = among(figures, of=None, round=number)
    rows = pd.concat([of_base, of_round[of_round["policy"] != BASE]])
    chart = Chart(
        f"Do texts name what was done to the picture? Round {number}",
        "Known faults were rendered on some validation images. Small points are the controls, "
        "below which a text says no more than its level, or than chance. Bars are intervals over "
        "pictures.",
        len(_PANELS),
    )
    for panel, (metric, (below, of), name) in zip(chart.panels, _PANELS, strict=True):
        own = rows[(rows["metric"] == metric) & (rows["of"] == "")]
        _draw(panel, own, rows[(rows["metric"] == below) & (rows["of"] == of)], metric, name)
    return chart.finish()


def _draw(
    panel: Panel, rows: pd.DataFrame, control: pd.DataFrame, metric: str, control_name: str
) -> None:
    words = catalog.metric(metric)
    policies = rows["policy"].tolist()
    listed = ", ".join(
        f"{labels.policy(policy)} {format_value(value, words.percent)}"
        for policy, value in zip(policies, rows["value"], strict=True)
    )
    alt = f"{words.title}, {words.axis}: {listed}."
    panel.describe(words.title, alt, words.axis, percent=words.percent)
    panel.name_places(policies)
    known = control[control["policy"].isin(policies)]
    places = [policies.index(policy) for policy in known["policy"]]
    panel.points(control_name, "guide", places, *values_of(known), small=True)
    colours = labels.colours(policies)
    for place, policy in enumerate(policies):
        one = rows[rows["policy"] == policy]
        panel.points(labels.policy(policy), colours[policy], [place], *values_of(one))
