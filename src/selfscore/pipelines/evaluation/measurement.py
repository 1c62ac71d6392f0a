"""Node of evaluation: all figures of a round's policies in one table."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from selfscore.judging.agreement import agreement
from selfscore.judging.consistency import consistency_figures, discrimination_figure
from selfscore.metrics.calibration import calibration_metrics
from selfscore.metrics.catalog import LOGGED
from selfscore.metrics.controls import ceiling_metrics, prior_metrics, shuffled_metrics
from selfscore.metrics.figures import (
    ANY,
    CEILING,
    HEALTH,
    INCOMING,
    PRIOR,
    SHUFFLED,
    among,
    as_figures,
)
from selfscore.metrics.health import health_figures
from selfscore.metrics.policy_metrics import policy_metrics_by_group
from selfscore.metrics.resampling import Resampling
from selfscore.pipelines.evaluation.faithfulness import faithfulness_figures
from selfscore.pipelines.evaluation.settings import EvaluationSettings
from selfscore.vlm.policy import Policy

logger = logging.getLogger(__name__)

# The base model, and what a round makes.
_HANDED_ON = ("base", "merged")


def measure_policies(
    judgements: pd.DataFrame,
    readings: pd.DataFrame,
    scored_images: pd.DataFrame,
    base_policy: Policy,
    settings: EvaluationSettings,
    seed: int,
    others: pd.DataFrame,
    mentions: pd.DataFrame,
    truth_readings: pd.DataFrame,
    **predictions: pd.DataFrame,
) -> pd.DataFrame:
    """Every figure of a round, with bootstrap intervals where it is one over images.

    Each policy's table is one of its inputs, beside nine that all figures share.

    Args:
        judgements: one row a policy and image.
        readings: what judges read in the explanations, and in the round's texts with forced levels.
        scored_images: of which the training images tell the prior; groups of all.
        base_policy: of which the scale counts, which all policies share.
        settings: judges, groups, bins, and how intervals are drawn.
        seed: of the resamples, and of what is paired at random.
        others: what other nodes measured: how a round's policies were made, see `measure_learning`;
            in the baseline, what the image features alone are worth, see `measure_ridge`.
        mentions: what edits of pictures did, see `find_mentions`.
        truth_readings: what the base model makes of the texts, see `read_texts`.
        predictions: policy → its table, for the texts.

    Returns:
        The table of figures, see `selfscore.metrics.figures`. Of each policy and split

        - `policy_metrics`, of all images and of each value of `group_column`, and
          `calibration_metrics`;
        - `shuffled_images`: the policy shown other pictures than those it is measured on;
        - of each judge `consistency_figures`, of every two `agreement`;
        - `health_metrics`, without intervals.

        Of each split, whatever the policy, `prior`: the best answers that are the same for every
        image, learnt from the training scores; and `ceiling`: a policy that writes the true level
        of every image, which bounds the metrics named `…_emitted`.

        Of each judge and the policy `incoming`, which wrote the round's texts with forced levels
        about the training images, `discrimination`. The judge `tfidf` was fitted on the base
        model's texts of that kind, so of the base model's (in the baseline, and in round 1, where
        they are the same) it reads a little too well; `held_out` in its state has the figure for
        unseen texts.

        `faithfulness_figures` of each policy on some images. And `others`.
    """
    answers = pd.concat(predictions.values(), ignore_index=True)
    number = int(answers["round"].iloc[0])
    training = scored_images[scored_images["split"] == "train"]
    judges, scale = settings.judging.judges, base_policy.card.score_scale
    tables = []
    for (policy, split), rows in judgements.groupby(["policy", "split"], sort=False):
        facts: dict[str, Any] = {"round": number, "policy": policy, "split": split}
        draws = settings.resampling(rows["group"], seed)
        own, read = (
            table[(table["policy"] == policy) & (table["split"] == split)]
            for table in (answers, readings)
        )
        tables += [
            as_figures(table, **facts)
            for table in (
                policy_metrics_by_group(
                    rows,
                    scale.levels,
                    settings.group_column,
                    settings.min_group,
                    draws,
                ),
                calibration_metrics(rows, settings.calibration_bins, draws),
                shuffled_metrics(rows, draws).assign(of=SHUFFLED),
                *_read_by(judges, rows, read, settings, seed),
                health_figures(own, scale.levels).assign(of=HEALTH),
            )
        ]
    for split, rows in judgements.drop_duplicates(["image_id", "split"]).groupby(
        "split", sort=False
    ):
        facts = {"round": number, "policy": ANY, "split": split}
        draws = settings.resampling(rows["group"], seed)
        prior = prior_metrics(rows, training, scale.levels, draws)
        ceiling = ceiling_metrics(rows, scale.values, draws)
        tables += [as_figures(prior, of=PRIOR, **facts), as_figures(ceiling, of=CEILING, **facts)]
    groups = scored_images.set_index("image_id")["group"]
    told_apart = _told_apart(judges, readings, settings.resampling(groups, seed))
    tables += [as_figures(table, round=number) for table in told_apart]
    tables += [
        as_figures(others, round=number),
        faithfulness_figures(mentions, truth_readings, settings, seed),
    ]
    # A table without rows forgets what its columns hold.
    figures = pd.concat([table for table in tables if len(table)], ignore_index=True)
    _report(figures)
    return figures


def _read_by(
    judges: Sequence[str],
    rows: pd.DataFrame,
    read: pd.DataFrame,
    settings: EvaluationSettings,
    seed: int,
) -> Iterator[pd.DataFrame]:
    """What each judge finds of one policy's explanations, and how far judges agree.

    Args:
        judges: in their order.
        rows: judgements of one policy on one split.
        read: the readings of them; every judge read the same explanations in the same order.
        settings: how intervals are drawn.
        seed: of the resamples and of the control's pairing.
    """
    known = rows.set_index("image_id")[["group", "score"]]
    by_judge = {judge: read[read["judge"] == judge].join(known, on="image_id") for judge in judges}
    for judge, own in by_judge.items():
        draws = settings.resampling(own["group"], seed)
        figures = consistency_figures(own["inferred_level"], own["level"], own["score"], draws)
        yield figures.assign(of=judge)
    same = by_judge[judges[0]].reset_index(drop=True)
    inferred = {judge: own["inferred_level"].to_numpy() for judge, own in by_judge.items()}
    yield agreement(inferred, settings.resampling(same["group"], seed))


def _told_apart(
    judges: Sequence[str], readings: pd.DataFrame, by_image: Resampling
) -> Iterator[pd.DataFrame]:
    """How well each judge tells the two texts of an image apart that were written for two levels.

    Args:
        judges: in their order.
        readings: of which those of texts with forced levels count.
        by_image: how images are resampled.
    """
    for judge in judges:
        own = readings[(readings["judge"] == judge) & (readings["policy"] == INCOMING)]
        figure = discrimination_figure(
            own["image_id"].tolist(), own["inferred_level"], own["level"], by_image
        )
        yield figure.assign(of=judge, policy=INCOMING, split="train")


def _report(figures: pd.DataFrame) -> None:
    """Say what a policy that is handed on reaches on the first split.

    The experts, and the other splits, are in the table at the end of the run.
    """
    own = among(figures)
    own = own[own["policy"].isin(_HANDED_ON)]
    own = own[own["split"] == own["split"].iloc[0]] if len(own) else own
    for (policy, split), rows in own.groupby(["policy", "split"], sort=False):
        values = rows.set_index("metric")["value"]
        shown = [f"{metric} {values[metric]:.3f}" for metric in LOGGED if metric in values]
        logger.info("'%s' on %s: %s", policy, split, ", ".join(shown))
