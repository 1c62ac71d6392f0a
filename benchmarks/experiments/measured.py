"""What is measured of policies that no round made, by the functions that measure a round's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from benchmarks.experiments.finished_run import FinishedRun
from selfscore.configuration.layout import BASELINE
from selfscore.metrics.figures import COLUMNS, as_figures
from selfscore.pipelines.evaluation.counterfactual import answer_edits, find_mentions
from selfscore.pipelines.evaluation.judgement import judge_explanations
from selfscore.pipelines.evaluation.measurement import measure_policies
from selfscore.pipelines.evaluation.prediction import predict
from selfscore.pipelines.evaluation.reader import read_texts
from selfscore.vlm.policy import LoraAdapter

SECONDS = "seconds"


class Measured(NamedTuple):
    """Figures and judgements as a round's stage `evaluation` has them.

    Attributes:
        figures: see `selfscore.metrics.figures`.
        judgements: one row a policy and image, see `judge_explanations`.
    """

    figures: pd.DataFrame
    judgements: pd.DataFrame


def predictions_of(
    run: FinishedRun, adapters: Mapping[str, LoraAdapter]
) -> dict[str, pd.DataFrame]:
    """What adapters on the base model say of the evaluated images, by their names."""
    policy, images, features, scored = (
        run.base_policy,
        run.images,
        run.features,
        run.scored_images,
    )
    return {
        name: predict(
            policy,
            images,
            features,
            scored,
            run.evaluation,
            run.machine,
            run.seed,
            {},
            name,
            adapter,
        )
        for name, adapter in adapters.items()
    }


def true_of_pictures(
    run: FinishedRun, adapter: LoraAdapter, predictions: Mapping[str, pd.DataFrame]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What edits of pictures did, and what the base model makes of the texts, of `merged`."""
    policy, images, features, scored = (
        run.base_policy,
        run.images,
        run.features,
        run.scored_images,
    )
    settings, machine, seed = run.evaluation, run.machine, run.seed
    of_edits = run.load(f"{BASELINE}.edit_features")
    edited = answer_edits(
        policy, images, of_edits, scored, settings, machine, seed, {}, "merged", adapter
    )
    verdicts = run.load("hosted_verdicts")
    mentions = find_mentions(verdicts, settings, seed, edited=edited, **predictions)
    calibration = run.load(f"{BASELINE}.reader_calibration")
    read = read_texts(
        policy, images, features, scored, settings, machine, seed, {}, calibration, **predictions
    )
    return mentions, read


def judged(
    run: FinishedRun, predictions: Mapping[str, pd.DataFrame]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Judgements and readings of predictions, by the run's own judges."""
    return judge_explanations(
        run.load(f"{BASELINE}.consistency_judge"),
        run.base_policy,
        run.load("hosted_verdicts"),
        run.generations,
        run.load("attributes"),
        run.load("statement_lexicon"),
        run.evaluation,
        run.seed,
        run.machine,
        {},
        **predictions,
    )


def measure(run: FinishedRun, adapter: LoraAdapter, seconds: float) -> Measured:
    """An adapter on the base model, called `merged` as what a round hands on.

    Args:
        run: whose base model, images and judges count.
        adapter: that was trained.
        seconds: of the processor that it took to make, evaluation not counted.
    """
    predictions = predictions_of(run, {"merged": adapter})
    judgements, readings = judged(run, predictions)
    figures = measure_policies(
        judgements,
        readings,
        run.scored_images,
        run.base_policy,
        run.evaluation,
        run.seed,
        pd.DataFrame(columns=COLUMNS),
        *true_of_pictures(run, adapter, predictions),
        **predictions,
    )
    return Measured(pd.concat([figures, took(seconds, 1, "merged")], ignore_index=True), judgements)


def took(seconds: float, number: int, policy: str) -> pd.DataFrame:
    """How long it took to make a policy, as a row of the table of figures."""
    row = pd.DataFrame([{"metric": SECONDS, "value": seconds, "n": 1}])
    return as_figures(row, round=number, policy=policy, split="train")
