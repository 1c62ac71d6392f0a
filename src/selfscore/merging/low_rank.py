"""Weight changes that are kept as a product of two thin matrices, and the best such product.

Knows linear algebra only: no adapter, no merge method.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from selfscore.merging.randomness import seeded

# Of the randomised SVD. With 8 it keeps at least 0.9995 of the energy that an exact one keeps, also
# where random drops have left a flat spectrum (measured: docs/merging.md).
_POWER_ITERATIONS = 8


@dataclass(frozen=True)
class LowRank:
    """ΔW = left · right, of rank k or less.

    Attributes:
        left: [out, k].
        right: [k, in].
    """

    left: Tensor
    right: Tensor

    def dense(self) -> Tensor:
        """ΔW [out, in], float32."""
        return self.left.float() @ self.right.float()

    @property
    def shape(self) -> tuple[int, int]:
        """Of ΔW: (out, in)."""
        return self.left.shape[0], self.right.shape[1]


def no_change(shape: tuple[int, int]) -> LowRank:
    """ΔW = 0 of this shape, (out, in)."""
    return LowRank(torch.zeros(shape[0], 1), torch.zeros(1, shape[1]))


def summed(changes: Sequence[LowRank]) -> LowRank:
    """Σ ΔW_i, exactly: the factors side by side."""
    return LowRank(
        torch.cat([change.left for change in changes], dim=1),
        torch.cat([change.right for change in changes], dim=0),
    )


def shared_cores(changes: Sequence[LowRank]) -> tuple[Tensor, list[Tensor], Tensor]:
    """Orthonormal P [out, p], small C_i [p, q] and orthonormal Q [q, in]: ΔW_i = P · C_i · Q.

    Sums, multiples, norms and inner products of the ΔW_i are those of the C_i. All float64.
    """
    left, left_parts = torch.linalg.qr(torch.cat([c.left for c in changes], dim=1).double())
    right, right_parts = torch.linalg.qr(torch.cat([c.right for c in changes]).double().T)
    ranks = [change.left.shape[1] for change in changes]
    cores = [
        mine @ theirs.T
        for mine, theirs in zip(
            left_parts.split(ranks, dim=1), right_parts.split(ranks, dim=1), strict=True
        )
    ]
    return left, cores, right.T


def joint_svd(changes: Sequence[LowRank]) -> tuple[Tensor, list[Tensor]]:
    """SVD of the ΔW_i side by side: [ΔW_1 … ΔW_n] = U · Σ · [V_1ᵀ … V_nᵀ], from the factors.

    Returns:
        U · Σ [out, k], and every V_iᵀ [k, in], float64. Directions after the first whose singular
        value is zero up to rounding are left out: their V would be arbitrary.
    """
    left, left_parts = torch.linalg.qr(torch.cat([c.left for c in changes], dim=1).double())
    rights, right_parts = zip(*(torch.linalg.qr(c.right.double().T) for c in changes), strict=True)
    blocks = left_parts.split([change.left.shape[1] for change in changes], dim=1)
    core = torch.cat([a @ b.T for a, b in zip(blocks, right_parts, strict=True)], dim=1)
    u, s, vt = torch.linalg.svd(core, full_matrices=False)
    kept = s > s[0] * max(core.shape) * torch.finfo(s.dtype).eps
    kept[0] = True
    columns = vt[kept].split([part.shape[0] for part in right_parts], dim=1)
    aligned = [mine @ right.T for mine, right in zip(columns, rights, strict=True)]
    return left @ (u * s)[:, kept], aligned


def truncated(change: LowRank | Tensor, rank: int) -> tuple[LowRank, float]:
    """The product of rank ≤ `rank` that is nearest to ΔW, and the energy it keeps.

    Exact for a `LowRank` (through its small core) and for small matrices. A matrix whose sides are
    both more than four times the rank, and more than 2 · (rank + 32), goes through a randomised SVD
    (Halko, Martinsson & Tropp, arXiv 0909.4061) with a fixed seed: equal inputs, equal bytes.

    Returns:
        Float32 factors [out, k] and [k, in] of equal norms, k ≤ `rank`, and ‖kept‖² / ‖ΔW‖² in
        [0, 1]; 1.0 where ΔW is zero.
    """
    u, s, vt, total = _svd(change, rank)
    kept = s[:rank].double()
    energy = min(1.0, float(kept.square().sum()) / total) if total else 1.0
    root = kept.sqrt()
    left = (u[:, :rank] * root).float()
    return LowRank(left, (root[:, None] * vt[:rank]).float()), energy


def _svd(change: LowRank | Tensor, rank: int) -> tuple[Tensor, Tensor, Tensor, float]:
    """U, at least `rank` singular values where there are so many, Vᵀ, and ‖ΔW‖²."""
    if isinstance(change, LowRank):
        left, (core,), right = shared_cores([change])
        u, s, vt = torch.linalg.svd(core, full_matrices=False)
        return left @ u, s, vt @ right, float(s.square().sum())
    sketch = rank + max(rank, 32)
    if 2 * sketch < min(change.shape):
        with seeded("truncated"):
            u, s, v = torch.svd_lowrank(change.float(), q=sketch, niter=_POWER_ITERATIONS)
        return u, s, v.T, float(torch.linalg.vector_norm(change, dtype=torch.float64) ** 2)
    u, s, vt = torch.linalg.svd(change.double(), full_matrices=False)
    return u, s, vt, float(s.square().sum())
