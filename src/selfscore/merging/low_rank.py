"""Weight changes that are kept as a product of two thin matrices, and the best such product.

Knows linear algebra only: no adapter, no merge method.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from scipy.linalg import eigh
from torch import Tensor

from selfscore.merging.randomness import seeded

# A matrix whose shorter side is no longer than this is decomposed exactly: its best 64 directions
# cost about as much as an approximation of them.
_EXACT_SIDE = 1024
# Of the approximation: columns beyond the rank, and products with ΔW · ΔWᵀ. At least 0.999 of the
# energy of the exact decomposition is kept, also where random drops have left a flat spectrum
# (measured: docs/merging.md).
_SPARE, _STEPS = 16, 3


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

    Exact for a `LowRank` (through its small core) and for matrices of which a side is no longer
    than 1,024. A larger one is projected on a block Krylov space (Musco & Musco, arXiv 1504.05477)
    from a fixed seed: equal inputs, equal bytes.

    Returns:
        Float32 factors [out, k] and [k, in] of equal norms, k ≤ `rank`, and ‖kept‖² / ‖ΔW‖² in
        [0, 1]; 1.0 where ΔW is zero.
    """
    u, s, vt, total = _of_factors(change) if isinstance(change, LowRank) else _dense(change, rank)
    kept = s[:rank].double()
    energy = min(1.0, float(kept.square().sum()) / total) if total else 1.0
    root = kept.sqrt()
    left = (u[:, :rank] * root).float()
    return LowRank(left, (root[:, None] * vt[:rank]).float()), energy


def _of_factors(change: LowRank) -> tuple[Tensor, Tensor, Tensor, float]:
    """U, all singular values, Vᵀ, and ‖ΔW‖²."""
    left, (core,), right = shared_cores([change])
    u, s, vt = torch.linalg.svd(core, full_matrices=False)
    return left @ u, s, vt @ right, float(s.square().sum())


def _dense(change: Tensor, rank: int) -> tuple[Tensor, Tensor, Tensor, float]:
    """U, the `rank` largest singular values, Vᵀ, and ‖ΔW‖²."""
    if change.shape[0] > change.shape[1]:
        v, s, ut, total = _dense(change.T, rank)
        return ut.T, s, v.T, total
    total = float(torch.linalg.vector_norm(change, dtype=torch.float64) ** 2)
    size = rank + _SPARE
    # What is kept nearly whole is kept to float32's last digits.
    change = change.double() if change.shape[0] <= 4 * size else change.float()
    if change.shape[0] <= max(_EXACT_SIDE, (_STEPS + 1) * size):
        u = _leading(change, rank)
    else:
        basis = _krylov(change, size)
        u = basis @ _leading(basis.T @ change, rank)
    # What u takes out of ΔW is kept, exactly so, however well u was found.
    projected = u.T @ change
    s = torch.linalg.vector_norm(projected, dim=1)
    return u, s, torch.nn.functional.normalize(projected), total


def _leading(change: Tensor, rank: int) -> Tensor:
    """The `rank` left singular vectors of the largest singular values, those first, [out, rank]."""
    out = change.shape[0]
    first = max(0, out - rank)
    gram = (change @ change.T).numpy()
    _, vectors = eigh(gram, subset_by_index=[first, out - 1], driver="evr", check_finite=False)
    return torch.from_numpy(vectors[:, ::-1].copy())


def _krylov(change: Tensor, size: int) -> Tensor:
    """Orthonormal columns that nearly span the best `size` directions of the rows' side."""
    with seeded("truncated"):
        block = torch.linalg.qr(change @ torch.randn(change.shape[1], size)).Q
    blocks = [block]
    for _ in range(_STEPS):
        blocks.append(torch.linalg.qr(change @ (change.T @ blocks[-1])).Q)
    return torch.linalg.qr(torch.cat(blocks, dim=1)).Q
