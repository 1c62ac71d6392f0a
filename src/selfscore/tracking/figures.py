"""From tables, records and parameters to MLflow's metrics and names.

Knows the columns of the tables; knows no run and no server.
"""

from __future__ import annotations

import math
import numbers
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from selfscore.metrics.catalog import HEADLINE
from selfscore.metrics.figures import among

if TYPE_CHECKING:
    from mlflow.entities import Metric

_HANDED_ON = ("base", "merged")
_ENDINGS = {"test": "", "validation": "_on_validation"}
# A curve shows no more, and the server keeps every point as a row: trainings on a million images
# have tens of thousands.
_POINTS = 1000


def figure_metrics(
    figures: pd.DataFrame, step: int, named: Sequence[str] = ("split", "policy")
) -> list[Metric]:
    """Figures of all images together, named `split/policy/metric`.

    Before the metric stands what the column `of` says: `split/policy/judge/metric`.

    Args:
        figures: the table of figures, see `selfscore.metrics.figures`.
        step: of all of them.
        named: columns at the beginning of a name.
    """
    return [
        metric
        for row in among(figures, of=None).to_dict("records")
        for metric in _metric(
            "/".join(filter(None, (row[part] for part in (*named, "of", "metric")))),
            row["value"],
            step,
        )
    ]


def headline_metrics(figures: pd.DataFrame, step: int) -> list[Metric]:
    """The few figures that say most of the policy that a round hands on.

    `headline/srcc` on the test images, `headline/srcc_on_validation` on the others: by its name,
    MLflow shows this group above all others.
    """
    own = among(figures)
    own = own[own["policy"].isin(_HANDED_ON) & own["metric"].isin(HEADLINE)]
    return [
        metric
        for row in own.to_dict("records")
        if row["split"] in _ENDINGS
        for metric in _metric(
            f"headline/{row['metric']}{_ENDINGS[row['split']]}", row["value"], step
        )
    ]


def curves(log: pd.DataFrame) -> list[Metric]:
    """Every numeric column of a training log over its `step` column.

    Of a long log, rows evenly spread, the first and the last among them.
    """
    if len(log) > _POINTS:
        log = log.iloc[np.linspace(0, len(log) - 1, _POINTS).round().astype(int)]
    return [
        metric
        for column in log.select_dtypes("number").columns.drop("step", errors="ignore")
        for step, value in zip(log["step"], log[column], strict=True)
        for metric in _metric(str(column), value, int(step))
    ]


def record_metrics(record: Mapping[str, Any], prefix: str, step: int) -> list[Metric]:
    """Every number in a nested record."""
    return [
        metric
        for name, value in flatten(record, prefix, separator="/").items()
        if isinstance(value, numbers.Real)
        for metric in _metric(name, value, step)
    ]


def flatten(value: Any, name: str, separator: str = ".") -> dict[str, Any]:
    """Nested mappings as one flat one, the keys joined."""
    if not isinstance(value, Mapping):
        return {name: value}
    flat: dict[str, Any] = {}
    for key, below in value.items():
        flat.update(flatten(below, f"{name}{separator}{key}" if name else str(key), separator))
    return flat


def clean(name: str) -> str:
    """Name with only the characters that MLflow takes."""
    return re.sub(r"[^\w.\- :/]", "_", name)


def now() -> int:
    """Milliseconds since 1970."""
    return int(time.time() * 1000)


def _metric(name: str, value: Any, step: int) -> Iterator[Metric]:
    from mlflow.entities import Metric

    # What is missing (pandas.NA, None) or not a number has no point on a curve.
    if value is None or value is pd.NA or not math.isfinite(float(value)):
        return
    yield Metric(clean(name), float(value), now(), step)
