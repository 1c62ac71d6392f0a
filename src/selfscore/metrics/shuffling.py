"""Which row each row changes places with, where things are paired at random."""

from collections.abc import Sized

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from selfscore.metrics.grouping import units


def random_partners(rows: Sized, generator: np.random.Generator) -> NDArray[np.int64]:
    """Neighbours in a random circle: for each row another one, every row once.

    Args:
        rows: What is paired; only its length counts.
        generator: Of the circle.

    Returns:
        A permutation of 0..n-1, shape (n,), without fixed points where there are two or more.
    """
    circle = generator.permutation(len(rows))
    partners = np.empty(len(rows), dtype=np.int64)
    partners[circle] = np.roll(circle, 1)
    return partners


def shuffled_partners(groups: ArrayLike, seed: int) -> NDArray[np.int64]:
    """A random permutation that leaves no image in its place, nor with another of its group.

    A policy shown the partner's picture in place of an image's own knows nothing of the image, so
    its scores must not correlate with the truth; what is left of the correlation was never in the
    picture. Pictures of one group (one scene, say) resemble each other and would leave some of it.

    Args:
        groups: Group of each image, shape (n,), "" for none; see `units`.
        seed: Seed of the permutation.

    Returns:
        Row of the image that takes each row's place, shape (n,): a permutation of 0..n-1 without
        fixed points. If one group holds more than half of the images, as few of them as possible
        (twice its size minus n) stay within it.

    Raises:
        ValueError: If there are fewer than two images.
    """
    labels = pd.Series(np.asarray(groups))
    n = len(labels)
    if n < 2:
        raise ValueError(f"shuffling images needs at least two of them, got {n}")
    own = units(labels)
    group = np.arange(n) if own is None else np.unique(own, return_inverse=True)[1]
    generator = np.random.default_rng(seed)
    # In an order that keeps groups together, moving everything on by the size of the largest
    # group takes each image out of its own; the rest stays if that group is larger than half.
    order = generator.permutation(n)
    order = order[np.argsort(group[order], kind="stable")]
    largest = int(np.bincount(group).max())
    partners = np.empty(n, dtype=np.int64)
    partners[order] = np.roll(order, min(largest, n - largest))
    # That moves groups as blocks; random exchanges that keep both images out of their groups mix.
    for row, other in zip(generator.permutation(n), generator.integers(0, n, n), strict=True):
        mine, theirs = partners[row], partners[other]
        if group[theirs] != group[row] and group[mine] != group[other]:
            partners[row], partners[other] = theirs, mine
    return partners


def shuffle_images(judgements: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The judgements of a policy that was shown other pictures than those it is measured on.

    A prediction depends on the picture alone, as all images share one prompt, so predictions of
    shuffled pictures are shuffled predictions and cost nothing. (What a policy draws from the
    order or the name of the images is not found this way; shuffle the pictures before predicting
    for that, with `shuffled_partners`.)

    Args:
        judgements: One row per image, see `policy_metrics`, with group ("" for none).
        seed: Seed of the permutation.

    Returns:
        The same table; image_id, split, group, score and level stay, all other columns are those
        of each row's partner. `policy_metrics` of it must show no correlation with the truth;
        figures that compare an answer with itself or with its own picture (format_valid,
        level_entropy, consistency, faithfulness) stay as they are.

    Raises:
        ValueError: If there are fewer than two images.
    """
    partners = shuffled_partners(judgements["group"], seed)
    shown = judgements.iloc[partners].set_axis(judgements.index)
    own = [name for name in ("image_id", "split", "group", "score", "level") if name in judgements]
    return shown.assign(**{name: judgements[name] for name in own})
