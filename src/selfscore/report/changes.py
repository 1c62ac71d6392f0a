"""Node of reporting: what the champion changed, and whether that is more than luck."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from selfscore.metrics.accuracy import mean_absolute_error, share
from selfscore.metrics.calibration import ranked_probability_score
from selfscore.metrics.catalog import metric
from selfscore.metrics.rank_correlation import srcc
from selfscore.metrics.resampling import Statistic
from selfscore.report.labels import BASE, MERGED
from selfscore.report.settings import ReportingSettings

# Metric → how it is computed, and from which columns; `format_valid` of all answers, the others of
# the images where both policies have a value.
_MEASURED: dict[str, tuple[Statistic, tuple[str, ...]]] = {
    "srcc": (srcc, ("expected_score", "score")),
    "mae": (mean_absolute_error, ("expected_score", "score")),
    "rps": (share, ("rps",)),
    "consistency": (srcc, ("inferred_level", "emitted_level")),
    "faithfulness": (share, ("faithfulness",)),
    "format_valid": (share, ("valid",)),
}
COLUMNS = ["against", "metric", "before", "after", "change", "low", "high", "n", "verdict"]


def measure_changes(
    champion: dict[str, Any], judgements: pd.DataFrame, settings: ReportingSettings, seed: int
) -> pd.DataFrame:
    """The champion against the base model, the round before it, and its round's experts.

    Both policies are measured on each resample of the same images (a paired bootstrap), so the luck
    of the images cancels. A change counts as one only if its interval excludes 0.

    Where the base model itself is the champion, the last round's policy stands in its place, so
    that one sees what was not taken.

    Args:
        champion: of which `round` counts.
        judgements: of all rounds.
        settings: `split`, and how intervals are drawn.
        seed: of the resamples.

    Returns:
        against (`base`, `round_<k>`, or an expert's name), metric, before and after (on the images
        where both have a value), change with its interval low, high, n images, and verdict:
        `better`, `worse` or `unclear`.
    """
    number = shown_round(champion, int(judgements["round"].max()))
    rows = judgements[judgements["split"] == settings.split].assign(
        rps=lambda table: ranked_probability_score(
            np.stack(table["probabilities"].to_list()), table["level"]
        )
    )
    after = rows[(rows["round"] == number) & (rows["policy"] == MERGED)]
    found = [
        _change(name, before, after, settings, seed) | {"against": against, "metric": name}
        for against, before in _opponents(rows, number)
        for name in _MEASURED
    ]
    table = pd.DataFrame(found, columns=COLUMNS)
    return table[table["n"] > 0].reset_index(drop=True)


def shown_round(champion: dict[str, Any], rounds: int) -> int:
    """The round whose policy the report looks at: the champion's, or the last if it is the base."""
    return int(champion["round"]) or rounds


def _opponents(rows: pd.DataFrame, number: int) -> Iterator[tuple[str, pd.DataFrame]]:
    yield BASE, rows[rows["round"] == 0]
    if number > 1:
        before = rows[(rows["round"] == number - 1) & (rows["policy"] == MERGED)]
        yield f"round_{number - 1}", before
    for expert, own in rows[rows["round"] == number].groupby("policy", sort=False):
        if expert != MERGED:
            yield str(expert), own


def _change(
    name: str,
    before: pd.DataFrame,
    after: pd.DataFrame,
    settings: ReportingSettings,
    seed: int,
) -> dict[str, Any]:
    statistic, columns = _MEASURED[name]
    both = before.merge(after, on="image_id", suffixes=("_before", "_after"), validate="1:1")
    old, new = ([f"{column}{side}" for column in columns] for side in ("_before", "_after"))
    numbers = both[[*old, *new]].astype("float64").dropna()
    draws = settings.resampling(both["group_after"], seed)

    def difference(*values: NDArray[np.float64]) -> NDArray[np.float64]:
        width = len(columns)
        return np.asarray(statistic(*values[width:]) - statistic(*values[:width]))

    interval = draws.among(numbers.index).interval(
        difference, *(numbers[column].to_numpy() for column in [*old, *new])
    )
    verdict = "unclear"
    if interval.low > 0 or interval.high < 0:
        better = (interval.value > 0) != metric(name).lower_is_better
        verdict = "better" if better else "worse"
    return {
        "before": float(statistic(*(numbers[column].to_numpy() for column in old))),
        "after": float(statistic(*(numbers[column].to_numpy() for column in new))),
        "change": interval.value,
        "low": interval.low,
        "high": interval.high,
        "n": interval.n,
        "verdict": verdict,
    }
