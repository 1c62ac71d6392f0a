"""Drawing the splits that a score table does not give."""

from __future__ import annotations

import numpy as np
import pandas as pd

from selfscore.configuration.splits import in_order


def fill_splits(
    images: pd.DataFrame, validation_share: float, test_share: float, seed: int
) -> pd.Series:
    """Split of every image; a missing validation or test split is drawn from the training images.

    Whole groups go to one side, so that no scene is both learnt from and tested on, and so do
    images with the same content. The sides cover the range of scores alike.

    Args:
        images: Columns path, sha256, score, split ("" throughout where the table has none; a
            further one is kept) and group ("" for an image that stands alone).
        validation_share: Share of the images for validation, above 0 and below 1.
        test_share: Share of the images for the test, above 0 and below 1.
        seed: Decides which groups are drawn.

    Returns:
        "train", "validation" or "test" per image, or the further split that the table gives it.
    """
    split = images["split"].replace("", "train").copy()
    wanted = {
        name: share
        for name, share in {"validation": validation_share, "test": test_share}.items()
        if not (split == name).any()
    }
    if wanted:
        pool = images[split == "train"]
        split[pool.index] = _draw(pool, wanted, seed)
    return split


def content_in_better_split(images: pd.DataFrame) -> pd.Series:
    """Which images are in more than one split of the score table, going by their content.

    A further split keeps such an image before the test split, that before validation, and
    validation before training.

    Args:
        images: Columns sha256 and split ("" where the table has none).

    Returns:
        A reason per image, "" for those to keep.
    """
    # Without a split it is drawn later, in such a way that this does not happen.
    order = in_order(images["split"])[::-1]
    place = images["split"].map({name: number for number, name in enumerate([*order, ""])})
    best = place.groupby(images["sha256"]).transform("min")
    better = best.map(dict(enumerate(order)))
    reason = "the " + better + " split has an image with the same content"
    return reason.where((place > best) & (place < len(order)), "").astype("str")


def _draw(pool: pd.DataFrame, wanted: dict[str, float], seed: int) -> pd.Series:
    groups = joined_by_content(pool)
    units = pool.groupby(groups)["score"].agg(["mean", "size"]).sort_index()

    # Walking through the groups by score, each goes to the side that is furthest behind its share:
    # every side gets its part of every range of scores. Which group of a neighbourhood goes where
    # is drawn.
    random = np.random.default_rng(seed)
    neighbourhood = 1 / min(wanted.values())
    rank = units["mean"].rank(method="first") + random.uniform(0, neighbourhood, len(units))
    shares = {"train": 1 - sum(wanted.values()), **wanted}
    have = dict.fromkeys(shares, 0.0)
    side = {}
    for name in units.index[np.argsort(rank.to_numpy(), kind="stable")]:
        size = float(units.loc[name, "size"])
        total = sum(have.values()) + size
        chosen = max(shares, key=lambda split: shares[split] * total - have[split])
        have[chosen] += size
        side[name] = chosen
    return groups.map(side)


def joined_by_content(pool: pd.DataFrame) -> pd.Series:
    """Group of each image; groups that share an image's content are one."""
    alone = pool["group"] == ""
    own = pool["group"].where(~alone, "image " + pool["path"])
    groups = own
    while True:
        joined = groups.groupby(pool["sha256"]).transform("min").groupby(own).transform("min")
        if joined.equals(groups):
            return groups
        groups = joined
