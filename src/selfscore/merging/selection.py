"""Which entries of a ΔW are kept by their magnitude, found without sorting them.

mergekit's `sparsify` keeps the same entries by sorting all of them. Where equal magnitudes
straddle a border, its unstable sort leaves open which of them stay; here the order of the rows
decides, so the number that stays is mergekit's and the choice is the same on every machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

# Values that are sorted to see where a rank lies.
_SAMPLE = 4096


def keep_largest(change: Tensor, density: float) -> Tensor:
    """`change` with all but its largest magnitudes set to zero (TIES' trim).

    Args:
        change: of any shape.
        density: share kept, in (0, 1]: int(density · numel) entries, at least one.
    """
    if density >= 1:
        return change
    count = max(1, int(density * change.numel()))
    return _masked(change, _smallest((-change.abs()).flatten().numpy(), count))


def keep_middle(change: Tensor, density: float, gamma: float) -> Tensor:
    """`change` without its largest and without its smallest magnitudes (Model Breadcrumbs).

    Args:
        change: of any shape.
        density: share kept, in (0, 1]: int(density · numel) entries. At 1 nothing is dropped.
        gamma: share of the largest magnitudes to drop; fewer where `density` leaves less to drop.
    """
    if density >= 1:
        return change
    size = change.numel()
    count = int(density * size)
    below = max(0, size - count - int(gamma * size))
    magnitudes = change.abs().flatten().numpy()
    return _masked(change, _smallest(magnitudes, below + count) & ~_smallest(magnitudes, below))


def _smallest(values: np.ndarray, count: int) -> np.ndarray:
    """Mask of the `count` smallest; of equal ones the first."""
    if count == 0:
        return np.zeros(values.shape, dtype=bool)
    threshold = _at_rank(values, count - 1)
    mask = values < threshold
    mask[np.flatnonzero(values == threshold)[: count - np.count_nonzero(mask)]] = True
    return mask


def _at_rank(values: np.ndarray, rank: int) -> Any:
    """`numpy.sort(values)[rank]`, for many values from the few that a sample says are near it."""
    sample = np.sort(values[:: max(1, len(values) // _SAMPLE)])
    share = rank / len(values)
    # Four standard errors of the share of a sample on either side, as if it were a random one.
    reach = 4 * (len(sample) * share * (1 - share)) ** 0.5 + 2
    lowest = sample[max(0, int(share * len(sample) - reach))]
    highest = sample[min(len(sample) - 1, int(share * len(sample) + reach))]
    near = values[(values >= lowest) & (values <= highest)]
    place = rank - int(np.count_nonzero(values < lowest))
    if not 0 <= place < len(near):
        near, place = values, rank
    return np.partition(near, place)[place]


def _masked(change: Tensor, mask: np.ndarray) -> Tensor:
    return change * torch.from_numpy(mask).reshape(change.shape)
