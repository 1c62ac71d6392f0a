"""Bootstrap intervals for statistics over the rows of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from selfscore.configuration.settings_class import Count, settings_class
from selfscore.metrics.grouping import units
from selfscore.metrics.intervals import Interval
from selfscore.metrics.resampled_ranks import OF_COUNTS

# Takes columns with shape (..., n) and returns shape (...), like `srcc`.
Statistic = Callable[..., NDArray[np.float64]]

FIGURE_COLUMNS = ["metric", "value", "low", "high", "n"]
# Numbers held at once while resampling (8 bytes each), so that large test sets fit in memory.
_NUMBERS_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Resampling:
    """A percentile bootstrap: rows or whole clusters of a table drawn with replacement.

    The same rows are drawn for every column, and the same seed draws the same rows for every
    table of that length, so figures of two policies on one test set are compared on equal draws.

    Rows that depend on each other, such as several pictures of one scene, make an interval over
    rows too narrow: they carry less than as many independent ones. Given `clusters`, whole
    clusters are drawn (Field & Welsh 2007, https://doi.org/10.1111/j.1467-9868.2007.00593.x).

    Attributes:
        n: Number of resampled tables, at least 1.
        confidence: Share of the resampled figures that an interval covers, in (0, 1).
        seed: Seed of the draws.
        clusters: Cluster of each row by the table's index; None, or fewer than two different ones:
            every row is on its own.
    """

    n: int
    confidence: float
    seed: int
    clusters: pd.Series | None = None

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ValueError(f"a bootstrap needs at least 1 resample, got {self.n}")
        if not 0.0 < self.confidence < 1.0:
            raise ValueError(f"confidence must lie between 0 and 1, got {self.confidence}")

    def among(self, rows: pd.Index | NDArray[np.bool_]) -> Resampling:
        """The same for some rows of the table, by label or by flag."""
        return self if self.clusters is None else replace(self, clusters=self.clusters.loc[rows])

    def drawn(self, n: int) -> int:
        """How many things are drawn for a table of n rows: its clusters, or its rows."""
        names = 0 if self.clusters is None else int(self.clusters.nunique())
        return names if names > 1 else n

    @property
    def tails(self) -> tuple[float, float]:
        """Quantiles of the resampled figures that bound the interval."""
        tail = (1.0 - self.confidence) / 2.0
        return tail, 1.0 - tail

    def interval(self, statistic: Statistic, *columns: ArrayLike) -> Interval:
        """A statistic of the whole table, with its interval.

        Args:
            statistic: Takes the columns with shape (..., n) and returns shape (...), like `srcc`.
            *columns: One or more columns of n numbers each, in the order of the table.

        Returns:
            All NaN where the statistic is not defined (no rows, a constant column); resamples
            where it is not defined are left out.

        Raises:
            ValueError: If no column is given, or the columns or the clusters differ in length.
        """
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
        resampled = np.concatenate(list(self._resampled(statistic, arrays)))
        defined = resampled[~np.isnan(resampled)]
        if defined.size == 0:
            return Interval(value, float("nan"), float("nan"), n)
        low, high = np.quantile(defined, self.tails)
        return Interval(value, float(low), float(high), n)

    def table(self, figures: Iterable[tuple[str, Statistic, pd.DataFrame]]) -> pd.DataFrame:
        """Every figure with its interval.

        Args:
            figures: Name, statistic, and the rows of the table whose columns are its arguments, in
                their order.

        Returns:
            Columns metric, value, low, high, n (rows the value rests on).
        """
        rows = []
        for metric, statistic, table in figures:
            columns = (table[column].to_numpy() for column in table)
            interval = self.among(table.index).interval(statistic, *columns)
            rows.append({"metric": metric, **interval._asdict()})
        return pd.DataFrame(rows, columns=FIGURE_COLUMNS)

    def totals(self, quantities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Column sums of the resamples, for figures that are made of sums.

        Many figures made of the same rows, such as the bins of a reliability curve, then share one
        set of draws and one matrix product. Rows or clusters are drawn as for an interval.

        Args:
            quantities: One row per image, shape (rows, k), at least one row.

        Returns:
            Sums of the drawn rows, shape (n, k).
        """
        cluster_of_row = self._cluster_of_row(len(quantities))
        sums = np.zeros((cluster_of_row.max() + 1, quantities.shape[1]))
        np.add.at(sums, cluster_of_row, quantities)
        return np.concatenate([counts @ sums for counts in self._counts(cluster_of_row)])

    def _resampled(
        self, statistic: Statistic, arrays: list[NDArray[np.float64]]
    ) -> Iterator[NDArray[np.float64]]:
        """The statistic of every resample, in blocks, in any order."""
        n = len(arrays[0])
        if of_counts := OF_COUNTS.get(statistic):
            cluster_of_row = self._cluster_of_row(n)
            for counts in self._counts(cluster_of_row):
                yield of_counts(counts[:, cluster_of_row], *arrays)
            return
        generator = np.random.default_rng(self.seed)
        for rows in _draws(self._labels(n), self.n, generator):
            yield statistic(*(array[rows] for array in arrays))

    def _counts(self, cluster_of_row: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        """How often each cluster is drawn, in blocks of shape (resamples, clusters).

        The draws are those of `_draws`; a block is small enough to be held for every row.
        """
        generator = np.random.default_rng(self.seed)
        clusters = int(cluster_of_row.max()) + 1
        batch = max(1, _NUMBERS_AT_ONCE // len(cluster_of_row))
        for start in range(0, self.n, batch):
            shape = (min(batch, self.n - start), clusters)
            drawn = generator.integers(0, clusters, size=shape)
            drawn += np.arange(shape[0])[:, None] * clusters
            yield np.bincount(drawn.ravel(), minlength=drawn.size).reshape(shape)

    def _cluster_of_row(self, n: int) -> NDArray[np.int64]:
        """Number of each row's cluster; with a single one every row is on its own."""
        names, cluster_of_row = np.unique(self._labels(n), return_inverse=True)
        return np.arange(n) if len(names) == 1 else cluster_of_row

    def _labels(self, n: int) -> NDArray[Any]:
        if self.clusters is None:
            return np.arange(n)
        labels = self.clusters.to_numpy()
        if labels.shape != (n,):
            raise ValueError(
                f"a bootstrap of {n} rows needs {n} cluster labels, got {labels.shape}"
            )
        return labels


@settings_class
class IntervalSettings:
    """How intervals are drawn, in the sections `evaluation` and `reporting`.

    Attributes:
        resampling_unit: `group`: images of one group, the photographed scene perhaps, depend on
            each other and are drawn together; `image`: every image is drawn on its own.
        n_resamples: number of resampled tables.
        confidence: share of the resampled figures that an interval covers.
    """

    resampling_unit: Literal["group", "image"]
    n_resamples: Count
    confidence: Annotated[float, Field(gt=0, lt=1)]

    def resampling(self, groups: pd.Series, seed: int) -> Resampling:
        """How figures of some rows are resampled.

        Args:
            groups: group of each row, "" for a row on its own; with fewer than two different ones
                every row is drawn on its own.
            seed: of the draws.
        """
        clusters = units(groups) if self.resampling_unit == "group" else None
        return Resampling(self.n_resamples, self.confidence, seed, clusters)

    def resampling_of_pictures(
        self, groups: pd.Series, pictures: pd.Series, seed: int
    ) -> Resampling:
        """How figures of several rows a picture are resampled: its rows are drawn together.

        Args:
            groups: group of each row's picture, "" for none.
            pictures: picture of each row.
            seed: of the draws.
        """
        own = pictures if self.resampling_unit == "image" else groups.where(groups != "", pictures)
        return Resampling(self.n_resamples, self.confidence, seed, own)


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
    members = np.argsort(cluster_of_row, kind="stable")
    first_member = np.cumsum(sizes) - sizes
    at_once = max(1, _NUMBERS_AT_ONCE // len(names))
    for done in range(0, n_resamples, at_once):
        shape = (min(at_once, n_resamples - done), len(names))
        drawn = generator.integers(0, len(names), size=shape)
        lengths = sizes[drawn].sum(axis=1)
        # Clusters of unequal size make resamples of unequal length; equal ones are computed
        # together.
        for length in np.unique(lengths):
            alike = drawn[lengths == length]
            for start in range(0, len(alike), batch):
                names_drawn = alike[start : start + batch].ravel()
                taken = sizes[names_drawn]
                # Members of one drawn cluster stand beside each other, the first where it begins.
                begins = first_member[names_drawn] - (np.cumsum(taken) - taken)
                rows = members[np.repeat(begins, taken) + np.arange(taken.sum())]
                yield rows.reshape(-1, length)
