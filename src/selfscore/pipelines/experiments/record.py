"""Nodes that make the record of one run: its figures in one flat table, and what texts it wrote.

A figure is named by round, policy and metric alone. What tells figures of one metric apart beside
these (judge, kind of table) is part of the metric's name, as `consistency.self`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from selfscore.judging.consistency import consistency_figures
from selfscore.pipelines.evaluation.tables import resampling

COLUMNS = ["round", "policy", "metric", "value", "low", "high", "n"]
# Side of the table of generations → how its texts are called.
_SIDES = {"chosen": "forced_right", "rejected": "forced_wrong"}
_INFERRED = "inferred_level_"
# What the judge's own state calls the figures of texts that it was not fitted on.
_HELD_OUT = {
    "srcc": "consistency",
    "within_1": "consistency_within_1",
    "mae": "consistency_mae",
    "discrimination": "discrimination",
}


def collect_figures(split: str, **tables: Any) -> pd.DataFrame:
    """All figures of a run.

    Args:
        split: the one whose figures are kept.
        tables: `<kind>_<round>` → what the round (0: baseline) made of it: metrics, consistency,
            judge_agreement, health, preference_report, or forced_text_figures.

    Returns:
        round, policy, metric, value, low, high, n. Metrics are named `<metric>`, of judges
        `<metric>.<judge>` and `<metric>.<judge>.<other judge>`, of health `health.<metric>`;
        `blind_accuracy` and `pairs` have the expert as their policy. The figures of the texts with
        forced levels, which are about training images, are kept whatever the split.
    """
    collected = []
    for name, content in tables.items():
        kind, _, number = name.rpartition("_")
        collected.append(_FLATTEN[kind](content, split).assign(round=int(number)))
    return pd.concat(collected, ignore_index=True).reindex(columns=COLUMNS)


def describe_forced_texts(
    generations: pd.DataFrame,
    forced_judgements: pd.DataFrame,
    scored_images: pd.DataFrame,
    consistency_judge: dict[str, Any],
    evaluation: dict[str, Any],
    examples: int,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What the texts for right and for wrong scores sound like, and some of them to read.

    Args:
        generations: image_id, side, level, explanation, accepted.
        forced_judgements: image_id, side, level and inferred_level_<judge> of accepted texts.
        scored_images: image_id, group and score.
        consistency_judge: the state of the judge `tfidf`, which was fitted on these very texts;
            `held_out` has its figures for those that it was not fitted on.
        evaluation: `resampling_unit`, `n_resamples`, `confidence`.
        examples: number of images whose texts are shown.
        seed: of resamples and examples.

    Returns:
        Figures of the policy `base`: for texts with the right score, the wrong one and both
        (`forced_right`, `forced_wrong`, `forced`) those of
        `selfscore.judging.consistency.consistency_figures` as `forced_right.<metric>.<judge>` and
        the share that passed the gates as `forced_right.accepted`; `forced.differ`, the share of
        images whose two texts differ; `held_out.<metric>.tfidf`. And image_id, side, level,
        explanation and inferred_level_<judge> of the examples.
    """
    known = scored_images.set_index("image_id")[["group", "score"]]
    read = forced_judgements.join(known, on="image_id")
    judges = [name for name in read.columns if name.startswith(_INFERRED)]
    kinds = {"forced": read} | {kind: read[read["side"] == side] for side, kind in _SIDES.items()}
    tables = []
    for kind, rows in kinds.items():
        for column in judges:
            draws = resampling(rows["group"], evaluation, seed)
            figures = consistency_figures(rows[column], rows["level"], rows["score"], draws)
            judge = column.removeprefix(_INFERRED)
            tables.append(figures.assign(metric=kind + "." + figures["metric"] + "." + judge))
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
    figures = pd.concat(tables, ignore_index=True).assign(policy="base")
    return figures, _examples(generations, read, list(both.index), examples, seed)


def _examples(
    generations: pd.DataFrame, read: pd.DataFrame, images: list[Any], count: int, seed: int
) -> pd.DataFrame:
    """Both texts of some images, with what the judges read in them."""
    drawn = np.random.default_rng(seed).permutation(np.sort(np.asarray(images, dtype=str)))[:count]
    judges = [name for name in read.columns if name.startswith(_INFERRED)]
    texts = generations.loc[
        generations["image_id"].isin(drawn), ["image_id", "side", "level", "explanation"]
    ]
    texts = texts.merge(read[["image_id", "side", *judges]], on=["image_id", "side"], how="left")
    return texts.sort_values(["image_id", "side"], ignore_index=True)


def _metrics(table: pd.DataFrame, split: str) -> pd.DataFrame:
    return table[(table["split"] == split) & (table["group"] == "all")]


def _consistency(table: pd.DataFrame, split: str) -> pd.DataFrame:
    # The policy that a round starts from is judged by its texts about the training images.
    kept = table[(table["split"] == split) | (table["policy"] == "incoming")]
    return kept.assign(metric=kept["metric"] + "." + kept["judge"])


def _agreement(table: pd.DataFrame, split: str) -> pd.DataFrame:
    kept = table[table["split"] == split]
    return kept.assign(metric=kept["metric"] + "." + kept["judge"] + "." + kept["other_judge"])


def _health(table: pd.DataFrame, split: str) -> pd.DataFrame:
    kept = table[table["split"] == split]
    return kept.assign(metric="health." + kept["metric"])


def _preferences(report: Mapping[str, Any], split: str) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"policy": expert, "metric": metric, "value": float(value)}
            for metric in ("pairs", "blind_accuracy")
            for expert, value in report[metric].items()
        ]
    )


def _as_it_is(table: pd.DataFrame, split: str) -> pd.DataFrame:
    return table


_FLATTEN: dict[str, Callable[[Any, str], pd.DataFrame]] = {
    "metrics": _metrics,
    "consistency": _consistency,
    "judge_agreement": _agreement,
    "health": _health,
    "preference_report": _preferences,
    "forced_text_figures": _as_it_is,
}
