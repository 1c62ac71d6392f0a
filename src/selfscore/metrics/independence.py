"""How many independent rows a table with groups of similar rows is worth."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def effective_size(values: ArrayLike, groups: ArrayLike) -> float:
    """Rows divided by the design effect of their groups (Kish 1965, Survey Sampling).

    1 + (m - 1) · ICC, where m is the mean size of the group that a row is in, and ICC the
    intraclass correlation of `values`, estimated by a one-way analysis of variance and taken to be
    at least 0.

    Args:
        values: Finite numbers, shape (n,).
        groups: What each is of, shape (n,).

    Returns:
        1 to n; 1 where there is one group, as nothing can be said of others.
    """
    x: NDArray[np.float64] = np.asarray(values, dtype=float)
    _, of, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    n, k = len(x), len(sizes)
    if k <= 1:
        return 1.0
    mean_size = float((sizes**2).sum() / n)
    if n == k:
        return float(n)
    means = np.bincount(of, x) / sizes
    within = float(((x - means[of]) ** 2).sum() / (n - k))
    between = float((sizes * (means - x.mean()) ** 2).sum() / (k - 1))
    common = (n - mean_size) / (k - 1)
    spread = between + (common - 1) * within
    icc = max(0.0, (between - within) / spread) if spread > 0 else 1.0
    return n / (1 + (mean_size - 1) * icc)
