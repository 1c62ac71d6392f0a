"""What the base model's texts for right and for wrong scores sound like, and some to read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from selfscore.judging.consistency import consistency_figures
from selfscore.metrics.figures import INCOMING
from selfscore.metrics.resampling import IntervalSettings

# Side of the table of generations → how its texts are called.
_SIDES = {"chosen": "forced_right", "rejected": "forced_wrong"}
# Before a judge's name: the column of the levels it inferred, in the kept examples.
_INFERRED = "inferred_level_"
# What the judge's own state calls the figures of texts that it was not fitted on.
_HELD_OUT = {
    "srcc": "consistency",
    "within_1": "consistency_within_1",
    "mae": "consistency_mae",
    "discrimination": "discrimination",
}


def describe_forced_texts(
    generations: pd.DataFrame,
    readings: pd.DataFrame,
    scored_images: pd.DataFrame,
    consistency_judge: dict[str, Any],
    intervals: IntervalSettings,
    examples: int,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Figures of all texts, and some of them.

    Args:
        generations: image_id, side, level, explanation, accepted.
        readings: what judges read, of which that of accepted texts with forced levels counts.
        scored_images: image_id, group and score.
        consistency_judge: the state of the judge `tfidf`, which was fitted on these very texts;
            `held_out` has its figures for those that it was not fitted on.
        intervals: how they are drawn.
        examples: number of images whose texts are shown.
        seed: of resamples and examples.

    Returns:
        round, policy, split, metric, value, low, high, n of the policy `base` and training images:
        for texts with the right score, the wrong one and both (`forced_right`, `forced_wrong`,
        `forced`) those of `selfscore.judging.consistency.consistency_figures` as
        `forced_right.<metric>.<judge>` and the share that passed the gates as
        `forced_right.accepted`; `forced.differ`, the share of images whose two texts differ;
        `held_out.<metric>.tfidf`. And image_id, side, level, explanation and inferred_level_<judge>
        of the examples.
    """
    known = scored_images.set_index("image_id")[["group", "score"]]
    forced = readings[readings["policy"] == INCOMING].join(known, on="image_id")
    kinds = {"forced": forced} | {
        kind: forced[forced["side"] == side] for side, kind in _SIDES.items()
    }
    tables = []
    for kind, texts in kinds.items():
        for judge, rows in texts.groupby("judge", sort=False):
            draws = intervals.resampling(rows["group"], seed)
            figures = consistency_figures(
                rows["inferred_level"], rows["level"], rows["score"], draws
            )
            tables.append(figures.assign(metric=kind + "." + figures["metric"] + f".{judge}"))
    accepted = generations.groupby("side")["accepted"].mean()
    shares = {f"{_SIDES[str(side)]}.accepted": share for side, share in accepted.items()}
    texts = generations[generations["accepted"]].pivot(
        index="image_id", columns="side", values="explanation"
    )
    both = texts.dropna()
    shares["forced.differ"] = float((both["chosen"] != both["rejected"]).mean())
    held_out = consistency_judge["held_out"]
    shares |= {
        f"held_out.{metric}.tfidf": held_out[name]
        for name, metric in _HELD_OUT.items()
        if name in held_out
    }
    tables.append(pd.DataFrame({"metric": shares.keys(), "value": shares.values()}))
    figures = pd.concat(tables, ignore_index=True).assign(round=0, policy="base", split="train")
    return figures, _examples(generations, forced, list(both.index), examples, seed)


def _examples(
    generations: pd.DataFrame, forced: pd.DataFrame, images: list[Any], count: int, seed: int
) -> pd.DataFrame:
    """Both texts of some images, with what the judges read in them."""
    drawn = np.random.default_rng(seed).permutation(np.sort(np.asarray(images, dtype=str)))[:count]
    texts = generations.loc[
        generations["image_id"].isin(drawn), ["image_id", "side", "level", "explanation"]
    ]
    for judge, read in forced.groupby("judge", sort=False):
        own = read[["image_id", "side", "inferred_level"]]
        own = own.rename(columns={"inferred_level": f"{_INFERRED}{judge}"})
        texts = texts.merge(own, on=["image_id", "side"], how="left")
    return texts.sort_values(["image_id", "side"], ignore_index=True)
