"""How the ΔW of several experts become one: mergekit's definitions, layer by layer.

Knows the ΔW of one layer, as LoRA factors, and nothing of adapters. The arithmetic is mergekit's
own, called with ΔW in place of a model's weights and zeros in place of the base model's. Two things
are done otherwise, with the same result: entries are selected by magnitude without a sort, and
methods that only weigh whole ΔW against each other work on small cores of the factors.

Every method takes the ΔW of one layer, a weight for each, and the settings; it gives the merged
ΔW, before `lambda_`. mergekit's registry holds the sources of the formulas beside their names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from mergekit.merge_methods import merge_tensors
from torch import Tensor

from selfscore.merging.low_rank import LowRank, joint_svd, shared_cores
from selfscore.merging.selection import keep_largest, keep_middle
from selfscore.merging.settings import MergeSettings

MergeMethod = Callable[[Sequence[LowRank], Sequence[float], MergeSettings], LowRank | Tensor]


def task_arithmetic(
    changes: Sequence[LowRank], weights: Sequence[float], _settings: MergeSettings
) -> LowRank:
    """Weighted sum (Ilharco et al., arXiv 2212.04089)."""
    return _in_core(changes, lambda cores: _onto_zero("task_arithmetic", cores, weight=weights))


def linear(
    changes: Sequence[LowRank], weights: Sequence[float], _settings: MergeSettings
) -> LowRank:
    """Weighted mean (Wortsman et al., arXiv 2203.05482)."""
    return _in_core(
        changes, lambda cores: merge_tensors(cores, "linear", parameters={"weight": weights})
    )


def slerp(
    changes: Sequence[LowRank], weights: Sequence[float], _settings: MergeSettings
) -> LowRank:
    """Spherical interpolation from the first ΔW to the second, t = w2 / (w1 + w2).

    Between the two ΔW, where mergekit on checkpoints interpolates between whole weights.

    Raises:
        ValueError: there are not exactly two experts.
    """
    if len(changes) != 2:
        raise ValueError(
            f"`merging.method: slerp` takes exactly two experts, got {len(changes)}: choose "
            "another method."
        )
    t = weights[1] / sum(weights)
    return _in_core(
        changes,
        lambda cores: merge_tensors(cores, "slerp", parameters={"t": t}, base_index=0),
    )


def model_stock(
    changes: Sequence[LowRank], _weights: Sequence[float], _settings: MergeSettings
) -> LowRank:
    """Mean of the ΔW, shrunk by the angle between them (Jang et al., arXiv 2403.19522).

    The weights do not apply.

    Raises:
        ValueError: there is one expert only.
    """
    if len(changes) < 2:
        raise ValueError(
            "`merging.method: model_stock` takes at least two experts, got 1: choose another "
            "method."
        )
    return _in_core(changes, lambda cores: _onto_zero("model_stock", cores))


def ties(changes: Sequence[LowRank], weights: Sequence[float], settings: MergeSettings) -> Tensor:
    """TIES (Yadav et al., arXiv 2306.01708): trim, elect signs, take the disjoint weighted mean."""
    trimmed = [keep_largest(change.dense(), settings.density) for change in changes]
    return _onto_zero("ties", trimmed, weight=weights)


def breadcrumbs(
    changes: Sequence[LowRank], weights: Sequence[float], settings: MergeSettings
) -> Tensor:
    """Weighted sum without the largest and smallest entries (Davari et al., arXiv 2312.06795)."""
    return _onto_zero("breadcrumbs", _crumbs(changes, settings), weight=weights)


def breadcrumbs_ties(
    changes: Sequence[LowRank], weights: Sequence[float], settings: MergeSettings
) -> Tensor:
    """`breadcrumbs` with TIES' sign election; a sum still, not a mean."""
    return _onto_zero("breadcrumbs_ties", _crumbs(changes, settings), weight=weights)


def dare_linear(
    changes: Sequence[LowRank], weights: Sequence[float], settings: MergeSettings
) -> Tensor:
    """Weighted sum after random drops (Yu et al., arXiv 2311.03099).

    mergekit scales what is left so that the sum of magnitudes is as before the drops: by nearly,
    not exactly, 1 / density.
    """
    return _dropped("dare_linear", changes, weights, density=settings.density)


def dare_ties(
    changes: Sequence[LowRank], weights: Sequence[float], settings: MergeSettings
) -> Tensor:
    """`dare_linear` with TIES' sign election; a sum still, not a mean."""
    return _dropped("dare_ties", changes, weights, density=settings.density)


def della(changes: Sequence[LowRank], weights: Sequence[float], settings: MergeSettings) -> Tensor:
    """Random drops that spare large entries, then TIES' election and mean (arXiv 2406.11617).

    Within a row, the keep probability rises with the rank of the magnitude, from
    density − epsilon to density + epsilon.

    Raises:
        ValueError: density ± epsilon leaves (0, 1).
    """
    return _dropped("della", changes, weights, **_spread(settings))


def della_linear(
    changes: Sequence[LowRank], weights: Sequence[float], settings: MergeSettings
) -> Tensor:
    """Weighted sum after `della`'s drops.

    Raises:
        ValueError: density ± epsilon leaves (0, 1).
    """
    return _dropped("della_linear", changes, weights, **_spread(settings))


def knots_ties(
    changes: Sequence[LowRank], weights: Sequence[float], settings: MergeSettings
) -> LowRank:
    """KnOTS-TIES (Stoica et al., arXiv 2410.19735): TIES in a basis that the experts share.

    [ΔW_1 … ΔW_n] = U Σ [V_1ᵀ … V_nᵀ]; TIES merges the V_iᵀ, and U Σ maps the result back.
    """
    basis, aligned = joint_svd(changes)
    trimmed = [keep_largest(part.float(), settings.density) for part in aligned]
    return LowRank(basis.float(), _onto_zero("ties", trimmed, weight=weights))


MERGE_METHODS: dict[str, MergeMethod] = {
    method.__name__: method
    for method in (
        ties,
        task_arithmetic,
        linear,
        slerp,
        model_stock,
        breadcrumbs,
        breadcrumbs_ties,
        dare_linear,
        dare_ties,
        della,
        della_linear,
        knots_ties,
    )
}


def _in_core(changes: Sequence[LowRank], merge: Callable[[Sequence[Tensor]], Tensor]) -> LowRank:
    """`merge` on the cores: exact for what depends on sums and inner products of the ΔW alone."""
    left, cores, right = shared_cores(changes)
    return LowRank(left @ merge(cores), right)


def _onto_zero(method: str, changes: Sequence[Tensor], **parameters: Any) -> Tensor:
    """The `method` of mergekit with zeros for the base model: its answer is the merged ΔW."""
    zero = torch.zeros((), dtype=changes[0].dtype).expand(changes[0].shape)
    return merge_tensors([zero, *changes], method, parameters=parameters, base_index=0)


def _dropped(
    method: str, changes: Sequence[LowRank], weights: Sequence[float], **parameters: float
) -> Tensor:
    dense = [change.dense() for change in changes]
    return _onto_zero(method, dense, weight=weights, **parameters)


def _crumbs(changes: Sequence[LowRank], settings: MergeSettings) -> list[Tensor]:
    return [keep_middle(change.dense(), settings.density, settings.gamma) for change in changes]


def _spread(settings: MergeSettings) -> dict[str, float]:
    density, epsilon = settings.density, settings.epsilon
    if density < 1 and not epsilon < min(density, 1 - density):
        raise ValueError(
            f"`merging.epsilon` must be smaller than `merging.density` ({density}) and than one "
            f"minus it, got {epsilon}."
        )
    return {"density": density, "epsilon": epsilon}
