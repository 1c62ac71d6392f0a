"""Preference accuracy on scoring pairs that needs no look at the picture."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from selfscore.metrics.intervals import Interval


def blind_preference_accuracy(
    chosen_levels: ArrayLike,
    rejected_levels: ArrayLike,
    image_ids: Sequence[str] | None = None,
    *,
    folds: int = 5,
    repeats: int = 10,
    seed: int = 0,
) -> Interval:
    """Accuracy of the best rule that sees only the two levels of a pair, not the picture.

    If wrong levels are drawn badly, the true one can be told by the levels alone (often the wrong
    one is simply the rarer), and a high training accuracy then proves nothing. The best such rule
    answers, for the two levels {a, b}, with the one that is more often the chosen. It is learnt on
    all folds but one and tested on that one, because counted on its own pairs it would look better
    than chance on balanced data too. Pairs of levels never seen in the other folds, and ties, are
    guesses and count one half.

    Args:
        chosen_levels: Level of the chosen answer per pair, shape (n,).
        rejected_levels: Level of the rejected answer per pair, shape (n,).
        image_ids: Image of each pair; pairs of one image stay in one fold. One image each if None.
        folds: Number of folds, at least 2; fewer if there are fewer images.
        repeats: How often the folds are drawn anew; the accuracies are averaged.
        seed: Seed of the folds.

    Returns:
        The accuracy (0.5: levels tell nothing; 1.0: they tell all) with a normal 95 % interval of
        its standard error over the pairs. NaN with fewer than two images.

    Raises:
        ValueError: If the columns differ in length, or a pair has the same level on both sides.
    """
    chosen = np.asarray(chosen_levels, dtype=np.int64)
    rejected = np.asarray(rejected_levels, dtype=np.int64)
    n = len(chosen)
    if len(rejected) != n or (image_ids is not None and len(image_ids) != n):
        raise ValueError(
            f"blind accuracy needs columns of equal length, got {n} chosen levels, "
            f"{len(rejected)} rejected levels"
            + ("" if image_ids is None else f", {len(image_ids)} image ids")
        )
    if (chosen == rejected).any():
        raise ValueError(
            f"{int((chosen == rejected).sum())} of {n} pairs have the same level on both sides: "
            "blind accuracy is about scoring pairs, whose levels differ"
        )
    images = np.arange(n) if image_ids is None else np.unique(image_ids, return_inverse=True)[1]
    n_images = int(images.max()) + 1 if n else 0
    folds = min(folds, n_images)
    if folds < 2:
        return Interval(float("nan"), float("nan"), float("nan"), n)

    low, high = np.minimum(chosen, rejected), np.maximum(chosen, rejected)
    width = int(high.max()) + 1
    cell = low * width + high
    vote = np.where(chosen == high, 1.0, -1.0)
    generator = np.random.default_rng(seed)
    credit = np.zeros(n)
    for _ in range(repeats):
        fold = generator.permutation(np.arange(n_images) % folds)[images]
        for held_out in range(folds):
            test = fold == held_out
            votes = np.bincount(cell[~test], weights=vote[~test], minlength=width * width)
            credit[test] += (np.sign(votes[cell[test]]) * vote[test] + 1.0) / 2.0
    credit /= repeats
    value = float(credit.mean())
    error = 1.96 * float(credit.std(ddof=1)) / np.sqrt(n)
    return Interval(value, max(0.0, value - error), min(1.0, value + error), n)
