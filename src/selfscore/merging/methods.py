"""How the ΔW of several experts become one: mergekit's definitions, tensor by tensor.

Knows tensors only. The arithmetic is mergekit's own (`sparsify`, `get_mask`), called on ΔW instead
of on whole checkpoints.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from mergekit.merge_methods.generalized_task_arithmetic import get_mask
from mergekit.sparsify import SparsificationMethod, sparsify
from torch import Tensor


def ties(deltas: Sequence[Tensor], weights: Sequence[float], density: float) -> Tensor:
    """TIES (Yadav et al., arXiv 2306.01708): trim, elect a sign, take the disjoint weighted mean.

    Args:
        deltas: one ΔW per expert, all of the same shape.
        weights: one per expert, ≥ 0.
        density: share of each ΔW kept, the largest magnitudes, in (0, 1].
    """
    trimmed = [
        sparsify(delta, density=density, method=SparsificationMethod.magnitude) for delta in deltas
    ]
    weighted, column = _weigh(trimmed, weights)
    mask = get_mask(weighted, method="sum")
    divisor = (column * mask).sum(dim=0)
    return (weighted * mask).sum(dim=0) / torch.where(divisor == 0, 1, divisor)


def task_arithmetic(deltas: Sequence[Tensor], weights: Sequence[float], density: float) -> Tensor:
    """Weighted sum of the ΔW (Ilharco et al., arXiv 2212.04089); `density` does not apply."""
    weighted, _ = _weigh(deltas, weights)
    return weighted.sum(dim=0)


MERGE_METHODS: dict[str, Callable[[Sequence[Tensor], Sequence[float], float], Tensor]] = {
    "ties": ties,
    "task_arithmetic": task_arithmetic,
}


def _weigh(deltas: Sequence[Tensor], weights: Sequence[float]) -> tuple[Tensor, Tensor]:
    stacked = torch.stack(list(deltas))
    column = torch.tensor(weights, dtype=stacked.dtype).reshape(-1, *[1] * (stacked.dim() - 1))
    return stacked * column, column
