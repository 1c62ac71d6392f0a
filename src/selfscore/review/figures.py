"""What readers' labels come to: usable pairs, the judge against people, two readers compared.

Knows the table of labels; knows no text.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest

from selfscore.metrics.accuracy import share
from selfscore.metrics.intervals import Interval
from selfscore.metrics.resampling import FIGURE_COLUMNS, Resampling
from selfscore.review.pairs import LABELS
from selfscore.review.settings import ReviewSettings

ALL = "all readers"
REVIEW_COLUMNS = ["of", *FIGURE_COLUMNS]


def review_figures(labels: pd.DataFrame, settings: ReviewSettings, seed: int) -> pd.DataFrame:
    """Figures of every reader, of all together, and of every two.

    - `usable_pairs`: share of the pairs that are labelled consistent.
    - `judge_precision`: share of usable ones among the pairs whose texts the judge tells apart.
    - `judge_recall`: share of the usable pairs whose texts the judge tells apart.
    - `reader_kappa`: Cohen's kappa of two readers' labels, on the pairs that both read
      (https://doi.org/10.1177/001316446002000104).

    Args:
        labels: see `selfscore.review.pairs.join_labels`.
        settings: how intervals are drawn. Labels of one pair, by several readers, are drawn
            together.
        seed: of the resamples.

    Returns:
        of (a reader, `all readers` where there are several, or `one/other`), metric, value, low,
        high, n (labels, or pairs that both read); no rows without labels.
    """
    readers = labels["reader"].unique().tolist()
    names = [*readers, ALL] if len(readers) > 1 else readers
    rows: list[dict[str, object]] = []
    for name in names:
        own = labels if name == ALL else labels[labels["reader"] == name]
        rows += [{"of": name, **figure} for figure in _of_labels(own, settings, seed)]
    for one, other in combinations(readers, 2):
        rows.append({"of": f"{one}/{other}", **_kappa(labels, (one, other), settings, seed)})
    return pd.DataFrame(rows, columns=REVIEW_COLUMNS)


def _of_labels(
    labels: pd.DataFrame, settings: ReviewSettings, seed: int
) -> Iterator[dict[str, object]]:
    judged = labels[labels["told_apart"].notna()]
    told = judged["told_apart"] == 1
    for metric, rows in (
        ("usable_pairs", labels["usable"]),
        ("judge_precision", judged.loc[told, "usable"]),
        ("judge_recall", told[judged["usable"]]),
    ):
        draws = _draws(labels.loc[rows.index], settings, seed)
        interval = draws.interval(share, rows)
        yield {"metric": metric, **_not_certain(interval, draws)._asdict()}


def _kappa(
    labels: pd.DataFrame, two: tuple[str, str], settings: ReviewSettings, seed: int
) -> dict[str, object]:
    wide = labels.pivot(index="key", columns="reader", values="label")[list(two)].dropna()
    codes = wide.map(LABELS.index)
    rows = labels.drop_duplicates("key").set_index("key").loc[wide.index].reset_index()
    interval = _draws(rows, settings, seed).interval(cohens_kappa, *(codes[one] for one in two))
    return {"metric": "reader_kappa", **interval._asdict()}


def cohens_kappa(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """Scikit-learn's Cohen's kappa along the last axis; NaN where both give one label to all."""
    from sklearn.metrics import cohen_kappa_score

    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        # Of a division by 0, which NaN says.
        warnings.simplefilter("ignore")
        kappa = np.vectorize(cohen_kappa_score, signature="(n),(n)->()", otypes=[np.float64])
        return np.asarray(kappa(first, second), dtype=np.float64)


def _draws(rows: pd.DataFrame, settings: ReviewSettings, seed: int) -> Resampling:
    """Pairs of one group are drawn together, and labels of one pair in any case."""
    of_pairs = rows["key"].where((rows["group"] == "") | (settings.resampling_unit == "image"))
    clusters = of_pairs.fillna(rows["group"])
    return Resampling(settings.n_resamples, settings.confidence, seed, clusters)


def _not_certain(interval: Interval, draws: Resampling) -> Interval:
    """Where all labels agree every resample does: the exact binomial interval of what is drawn."""
    if interval.value not in (0.0, 1.0):
        return interval
    drawn = draws.drawn(interval.n)
    exact = binomtest(round(drawn * interval.value), drawn).proportion_ci(draws.confidence)
    return interval._replace(low=float(exact.low), high=float(exact.high))
