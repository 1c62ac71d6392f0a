"""What the answers come to: differences of ways, with intervals clustered by rater and picture.

Two answers of one rater depend on each other, and so do two answers about one picture. The
variance of a figure is therefore clustered both ways (Cameron, Gelbach & Miller 2011,
https://doi.org/10.1198/jbes.2010.07136): that over raters, plus that over pictures, minus that over
single answers; never less than either alone. The quantile is Student's, with one degree of freedom
less than there are raters or pictures, whichever are fewer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t

from selfscore.study.items import CHECK, GUESS, NONE, OTHER, OWN
from selfscore.study.settings import StudySettings

STUDY_COLUMNS = ["metric", "value", "low", "high", "nothing", "n", "raters", "pictures"]


def study_figures(answers: pd.DataFrame, settings: StudySettings) -> pd.DataFrame:
    """All figures of a study.

    - `guess_before`: share of right guesses at the model's level from the picture alone.
    - `guess_gain`: how much that share rises with the picture's own text; `guess_gain_other`: with
      that of another picture; `guess_gain_beyond`: the first minus the second, which is what the
      text itself tells.
    - `decisions`: share of right decisions (right levels accepted, planted ones rejected) without a
      text; `decisions_gain`: how much it rises with the own text; `decisions_gain_other`: with that
      of another picture for the same level.
    - `over_reliance`: share of planted levels accepted without a text; `over_reliance_gain`,
      `over_reliance_gain_other`: how much it rises. `false_alarms_gain`: likewise, of right levels
      that are rejected.
    - `time_with_text`: how many times as long a decision takes with the own text (ratio of
      geometric means).

    Args:
        answers: see `selfscore.study.answers.tabulate`.
        settings: of which `tolerance` and `confidence` count.

    Returns:
        metric, value, low, high (missing where there is too little to tell), nothing (the value
        that says there is no difference; missing of a share), n (answers), raters, pictures.
    """
    rows = []
    for metric, table, outcome, ways, nothing in _comparisons(answers, settings.tolerance):
        value, error, freedom = _difference(table, outcome, ways)
        reach = t.ppf((1 + settings.confidence) / 2, freedom) * error if freedom > 0 else np.nan
        low, high = value - reach, value + reach
        if metric == "time_with_text":
            value, low, high = np.exp([value, low, high])
        used = table[np.any(ways, axis=0)]
        counts = (len(used), used["rater"].nunique(), used["image_id"].nunique())
        rows.append([metric, value, low, high, nothing, *counts])
    return pd.DataFrame(rows, columns=STUDY_COLUMNS)


def _comparisons(
    answers: pd.DataFrame, tolerance: int
) -> Iterator[tuple[str, Any, Any, Any, float]]:
    """metric, table, outcome of its rows, flags of the rows of one way or two, nothing."""
    guesses = answers[answers["task"] == GUESS]
    before, after = (
        (guesses[when].sub(guesses["level"]).abs() <= tolerance).astype(float)
        for when in ("before", "after")
    )
    own, other, without = (guesses["arm"] == arm for arm in (OWN, OTHER, NONE))
    gain = after - before
    yield "guess_before", guesses, before, (own | other,), np.nan
    yield "guess_gain", guesses, gain, (own,), 0.0
    yield "guess_gain_other", guesses, gain, (other,), 0.0
    yield "guess_gain_beyond", guesses, gain, (own, other), 0.0

    checks = answers[answers["task"] == CHECK]
    own, other, without = (checks["arm"] == arm for arm in (OWN, OTHER, NONE))
    planted = checks["planted"].astype(bool)
    accepted = checks["accepted"].astype(float)
    right = accepted.where(~planted, 1 - accepted)
    yield "decisions", checks, right, (without,), np.nan
    yield "decisions_gain", checks, right, (own, without), 0.0
    yield "decisions_gain_other", checks, right, (other, without), 0.0
    yield "over_reliance", checks, accepted, (without & planted,), np.nan
    yield "over_reliance_gain", checks, accepted, (own & planted, without & planted), 0.0
    yield "over_reliance_gain_other", checks, accepted, (other & planted, without & planted), 0.0
    yield "false_alarms_gain", checks, 1 - accepted, (own & ~planted, without & ~planted), 0.0
    timed = checks[checks["seconds"] > 0]
    seconds = np.log(timed["seconds"].astype(float))
    ways = tuple(timed["arm"] == arm for arm in (OWN, NONE))
    yield "time_with_text", timed, seconds, ways, 1.0


def _difference(
    table: pd.DataFrame, outcome: pd.Series, ways: tuple[pd.Series, ...]
) -> tuple[float, float, int]:
    """Mean of the first way, minus that of the second if there is one; standard error; freedom."""
    y = outcome.to_numpy(dtype=np.float64)
    value, parts = 0.0, np.zeros(len(y))
    for sign, way in zip((1, -1), ways, strict=False):
        of_way = way.to_numpy(dtype=bool)
        if not of_way.any():
            return np.nan, np.nan, 0
        mean = float(y[of_way].mean())
        value += sign * mean
        # How much each answer moves the difference.
        parts[of_way] += sign * (y[of_way] - mean) / of_way.sum()
    used = np.any(ways, axis=0)
    raters, pictures = (table[name].to_numpy()[used] for name in ("rater", "image_id"))
    single = np.arange(used.sum())
    over = [_variance(parts[used], cluster) for cluster in (raters, pictures, single)]
    variance = max(over[0] + over[1] - over[2], *over[:2])
    freedom = min(len(np.unique(raters)), len(np.unique(pictures))) - 1
    # Where all answers are alike, they do not tell how much they may differ.
    return value, float(np.sqrt(variance)) if variance > 0 else np.nan, freedom


def _variance(parts: NDArray[np.float64], clusters: NDArray[Any]) -> float:
    names, places = np.unique(clusters, return_inverse=True)
    if len(names) < 2:
        return 0.0
    sums = np.bincount(places, weights=parts)
    return float((sums**2).sum() * len(names) / (len(names) - 1))
