"""What can be set about a merge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from selfscore.configuration.settings_class import Count, NotNegative, Positive, settings_class

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
class StrengthSettings:
    """How `lambda: auto` finds the strength of a merge, see `selfscore.merging.strength`.

    Attributes:
        candidates: the strengths to choose from.
        images: validation images that are scored at each of them; all if there are fewer.
        texts: of these, images whose answers are written as well.
        n_resamples: resampled tables behind a standard error.
        max_new_tokens: length at which an answer is cut off.
        batch_size: images that go through the model together.
    """

    candidates: Annotated[list[Positive], Field(min_length=1)]
    images: Annotated[int, Field(ge=2)]
    texts: Annotated[int, Field(ge=2)]
    n_resamples: Count
    max_new_tokens: Count
    batch_size: Count


@settings_class
class MergeSettings:
    """Settings of one merge, in mergekit's terms; docs/merging.md says which method reads which.

    Attributes:
        method: a key of `selfscore.merging.methods.MERGE_METHODS`.
        weights: expert name → weight; may name more experts than are merged.
        lambda_: factor on the merged ΔW, for every method; `lambda` in the parameters. `auto`
            chooses it on validation images.
        strength: how.
        density: share of each expert's ΔW that is kept, per layer, in (0, 1].
        gamma: share of the largest entries that breadcrumbs drops, in [0, 1).
        epsilon: half the spread of della's keep probabilities around `density`.
        rank: of the LoRA the result is stored as.
    """

    method: Method
    weights: Mapping[str, NotNegative]
    lambda_: Annotated[float | Literal["auto"], Field(alias="lambda")]
    strength: StrengthSettings
    density: Annotated[float, Field(gt=0, le=1)]
    gamma: Annotated[float, Field(ge=0, lt=1)]
    epsilon: NotNegative
    rank: Count
