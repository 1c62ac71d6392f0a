"""What can be set about a merge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from selfscore.settings_class import Count, NotNegative, settings_class

# Each is a function of `selfscore.merging.methods`.
Method = Literal[
    "ties",
    "task_arithmetic",
    "linear",
    "slerp",
    "model_stock",
    "breadcrumbs",
    "breadcrumbs_ties",
    "dare_linear",
    "dare_ties",
    "della",
    "della_linear",
    "knots_ties",
]


@settings_class
class MergeSettings:
    """Settings of one merge, in mergekit's terms; docs/merging.md says which method reads which.

    Attributes:
        method: a key of `selfscore.merging.methods.MERGE_METHODS`.
        weights: expert name → weight; may name more experts than are merged.
        lambda_: factor on the merged ΔW, for every method; `lambda` in the parameters.
        density: share of each expert's ΔW that is kept, per layer, in (0, 1].
        gamma: share of the largest entries that breadcrumbs drops, in [0, 1).
        epsilon: half the spread of della's keep probabilities around `density`.
        rank: of the LoRA the result is stored as.
    """

    method: Method
    weights: Mapping[str, NotNegative]
    lambda_: Annotated[float, Field(alias="lambda")]
    density: Annotated[float, Field(gt=0, le=1)]
    gamma: Annotated[float, Field(ge=0, lt=1)]
    epsilon: NotNegative
    rank: Count
