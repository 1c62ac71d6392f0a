"""What can be set about a merge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class MergeSettings:
    """Settings of one merge, in mergekit's terms; docs/merging.md says which method reads which.

    Attributes:
        method: a key of `selfscore.merging.methods.MERGE_METHODS`.
        weights: expert name → weight, ≥ 0.
        lambda_: factor on the merged ΔW, for every method.
        rank: of the LoRA the result is stored as, ≥ 1.
        density: share of each expert's ΔW that is kept, per layer, in (0, 1].
        gamma: share of the largest entries that breadcrumbs drops, in [0, 1).
        epsilon: half the spread of della's keep probabilities around `density`, ≥ 0.
        seed: of the random drops; a layer's draws depend on it and on the layer's name only.
    """

    method: str
    weights: Mapping[str, float]
    lambda_: float
    rank: int
    density: float
    gamma: float
    epsilon: float
    seed: int

    def __post_init__(self) -> None:
        if not 0 < self.density <= 1:
            raise ValueError(f"`merging.density` must lie in (0, 1], got {self.density}.")
        if not 0 <= self.gamma < 1:
            raise ValueError(f"`merging.gamma` must lie in [0, 1), got {self.gamma}.")
        if self.epsilon < 0:
            raise ValueError(f"`merging.epsilon` must not be negative, got {self.epsilon}.")
        if self.rank < 1:
            raise ValueError(f"`merging.rank` must be at least 1, got {self.rank}.")
        for name, weight in self.weights.items():
            if weight < 0:
                raise ValueError(
                    f"The weight of '{name}' in `merging.weights` must not be negative, "
                    f"got {weight}."
                )
