"""What a figure has to be compared with: one answer for all images, ridge, and shuffled labels."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from selfscore.metrics.catalog import metric
from selfscore.metrics.figures import PRIOR, RIDGE, among
from selfscore.report.changes import MEASURED
from selfscore.report.labels import format_value

# Figures of which one answer for all images has none, because it puts nothing in order.
_ORDER = ("srcc", "plcc", "kendall")
_NO_LABELS = "No true score enters here, so shuffled labels may move it as well"


def beside(name: str, figures: pd.DataFrame, split: str) -> str:
    """What stands beside a figure, in a sentence.

    Shuffled training scores say nothing of any picture, and they are distributed as the right ones
    are: an order is not learnt from them, and of an error one may expect that of the best answer
    for all images.

    Args:
        name: of the figure, one of `MEASURED`.
        figures: of all rounds.
        split: which images.
    """
    if not MEASURED[name].of_labels:
        return f"{_NO_LABELS}."
    text = "; ".join(_others(name, figures, split))
    return f"{text[0].upper()}{text[1:]}."


def _others(name: str, figures: pd.DataFrame, split: str) -> Iterator[str]:
    percent = metric(name).percent
    constant, ridge = (_value(name, figures, split, control) for control in (PRIOR, RIDGE))
    if name in _ORDER:
        yield "one answer for all images: none"
    elif not math.isnan(constant):
        yield f"one answer for all images: {format_value(constant, percent)}"
    if not math.isnan(ridge):
        yield f"ridge on the same image features: {format_value(ridge, percent)}"
    yield f"shuffled labels: {'no gain' if name in _ORDER else 'at best as one answer for all'}"


def _value(name: str, figures: pd.DataFrame, split: str, control: str) -> float:
    found = among(figures, of=control, split=split, metric=name)["value"]
    return float(found.iloc[0]) if len(found) else math.nan
