"""Bootstrap intervals for statistics over the rows of a table."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

RESAMPLING_UNITS = ("group", "image")
# Numbers held at once while resampling (8 bytes each), so that large test sets fit in memory.
_NUMBERS_AT_ONCE = 2_000_000


class Interval(NamedTuple):
    """A figure with its interval: value, lower and upper bound, and the rows it rests on."""

    value: float
    low: float
    high: float
    n: int


def bootstrap(
    statistic: Callable[..., NDArray[np.float64]],
    *columns: ArrayLike,
    clusters: ArrayLike | None = None,
    n_resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap interval of a statistic, rows or whole clusters drawn with replacement.

    The same rows are drawn for every column, and the same seed draws the same rows for every
    table of that length, so figures of two policies on one test set are compared on equal draws.

    Rows that depend on each other, such as several pictures of one scene, make an interval over
    rows too narrow: they carry less than as many independent ones. Given `clusters`, whole
    clusters are drawn (Field & Welsh 2007, https://doi.org/10.1111/j.1467-9868.2007.00593.x).

    Args:
        statistic: Takes the columns with shape (..., n) and returns shape (...), like `srcc`.
        *columns: One or more columns of n numbers each.
        clusters: Cluster of each row, n labels; None, or fewer than two different ones: every row
            is on its own.
        n_resamples: Number of resampled tables.
        confidence: Share of the resampled figures that the interval covers, in (0, 1).
        seed: Seed of the draws.

    Returns:
        The statistic of the whole table with its interval. All NaN where the statistic is not
        defined (no rows, a constant column); resamples where it is not defined are left out.

    Raises:
        ValueError: If no column is given, the columns differ in length, `n_resamples` is below 1,
            or `confidence` is outside (0, 1).
    """
    if n_resamples < 1:
        raise ValueError(f"n_resamples must be at least 1, got {n_resamples}")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence}")
    arrays = [np.asarray(column, dtype=np.float64) for column in columns]
    lengths = {array.shape for array in arrays}
    if len(lengths) != 1 or any(len(shape) != 1 for shape in lengths):
        raise ValueError(
            "a bootstrap needs one or more columns of equal length, got shapes "
            f"{[array.shape for array in arrays]}"
        )
    n = arrays[0].shape[0]
    if n == 0:
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    value = float(statistic(*arrays))
    if np.isnan(value):
        return Interval(value, float("nan"), float("nan"), n)

    labels = np.arange(n) if clusters is None else np.asarray(clusters)
    if labels.shape != (n,):
        raise ValueError(f"a bootstrap of {n} rows needs {n} cluster labels, got {labels.shape}")
    figures = [
        statistic(*(array[rows] for array in arrays))
        for rows in _draws(labels, n_resamples, np.random.default_rng(seed))
    ]
    resampled = np.concatenate(figures)
    defined = resampled[~np.isnan(resampled)]
    if defined.size == 0:
        return Interval(value, float("nan"), float("nan"), n)
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(defined, [tail, 1.0 - tail])
    return Interval(value, float(low), float(high), n)


def resampled_totals(
    quantities: NDArray[np.float64],
    *,
    clusters: ArrayLike | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Column sums of bootstrap resamples, for figures that are made of sums.

    Many figures made of the same rows, such as the bins of a reliability curve, then share one
    set of draws and one matrix product. Rows or clusters are drawn as in `bootstrap`.

    Args:
        quantities: One row per image, shape (n, k), n >= 1.
        clusters: Cluster of each row, n labels; see `bootstrap`.
        n_resamples: Number of resampled tables.
        seed: Seed of the draws.

    Returns:
        Sums of the drawn rows, shape (n_resamples, k).
    """
    labels = np.arange(len(quantities)) if clusters is None else np.asarray(clusters)
    names, cluster_of_row = np.unique(labels, return_inverse=True)
    if len(names) == 1:
        names, cluster_of_row = np.arange(len(quantities)), np.arange(len(quantities))
    sums = np.zeros((len(names), quantities.shape[1]))
    np.add.at(sums, cluster_of_row, quantities)
    generator = np.random.default_rng(seed)
    batch = max(1, _NUMBERS_AT_ONCE // len(names))
    totals = []
    for start in range(0, n_resamples, batch):
        shape = (min(batch, n_resamples - start), len(names))
        drawn = generator.integers(0, len(names), size=shape)
        drawn += np.arange(shape[0])[:, None] * len(names)
        counts = np.bincount(drawn.ravel(), minlength=drawn.size).reshape(shape)
        totals.append(counts @ sums)
    return np.concatenate(totals)


def _draws(
    labels: NDArray[Any], n_resamples: int, generator: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """Rows of the resamples, in blocks of shape (resamples, rows in each)."""
    n = len(labels)
    names, cluster_of_row, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    batch = max(1, _NUMBERS_AT_ONCE // n)
    if len(names) in (1, n):
        for start in range(0, n_resamples, batch):
            yield generator.integers(0, n, size=(min(batch, n_resamples - start), n))
        return
    members = np.split(np.argsort(cluster_of_row, kind="stable"), np.cumsum(sizes)[:-1])
    drawn = generator.integers(0, len(names), size=(n_resamples, len(names)))
    lengths = sizes[drawn].sum(axis=1)
    # Clusters of unequal size make resamples of unequal length; equal ones are computed together.
    for length in np.unique(lengths):
        alike = drawn[lengths == length]
        for start in range(0, len(alike), batch):
            yield np.stack(
                [
                    np.concatenate([members[name] for name in names_drawn])
                    for names_drawn in alike[start : start + batch]
                ]
            )


def interval_table(
    figures: Iterable[tuple[str, Callable[..., NDArray[np.float64]], pd.DataFrame]],
    *,
    clusters: pd.Series | None,
    n_resamples: int,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """Every figure with its bootstrap interval.

    Args:
        figures: Name, statistic, and the table whose columns are its arguments, in their order.
        clusters: Cluster of each row by the tables' index; None: every row is its own.
        n_resamples: Bootstrap resamples per figure.
        confidence: Share of resamples the interval covers.
        seed: Seed of the resamples.

    Returns:
        Columns metric, value, low, high, n (rows the value rests on).
    """
    rows = []
    for metric, statistic, table in figures:
        interval = bootstrap(
            statistic,
            *(table[column].to_numpy() for column in table),
            clusters=None if clusters is None else clusters.loc[table.index].to_numpy(),
            n_resamples=n_resamples,
            confidence=confidence,
            seed=seed,
        )
        rows.append({"metric": metric, **interval._asdict()})
    return pd.DataFrame(rows, columns=["metric", "value", "low", "high", "n"])


def clusters_of(groups: pd.Series, unit: str) -> pd.Series | None:
    """The clusters that a bootstrap draws.

    Args:
        groups: Group of each image, "" for none, e.g. the photographed scene.
        unit: "group": images of one group depend on each other and are drawn together; "image":
            every image is drawn on its own.

    Returns:
        One label per row, or None where every row is its own cluster: that is what was asked, or
        there are fewer than two groups.

    Raises:
        ValueError: If the unit is another one.
    """
    if unit not in RESAMPLING_UNITS:
        raise ValueError(f"Unknown `resampling_unit` '{unit}': choose one of {RESAMPLING_UNITS}.")
    return groups if unit == "group" and groups.nunique() > 1 else None
