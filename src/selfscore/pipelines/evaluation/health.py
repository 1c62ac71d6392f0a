"""Nodes of evaluation: does each policy still answer sensibly, and what if it does not?"""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd

from selfscore.metrics import health
from selfscore.pipelines.evaluation.tables import per_policy

logger = logging.getLogger(__name__)

REACTIONS = ("warn", "stop")


def measure_health(
    score_scale: dict[str, Any], parameters: dict[str, Any], **predictions: pd.DataFrame
) -> pd.DataFrame:
    """Figures of a healthy or a collapsing policy, with a sentence for each that is out of bounds.

    Args:
        score_scale: `levels`.
        parameters: `health.thresholds`, see `selfscore.metrics.health.check_health`.
        predictions: policy → its table.

    Returns:
        policy, split, metric, value (NaN where there is no valid answer to measure) and breach:
        what is wrong and what to try, "" for a healthy figure. For the metrics see
        `selfscore.metrics.health.health_metrics`.

    Raises:
        ValueError: there is no such threshold.
    """

    def measure(rows: pd.DataFrame) -> pd.DataFrame:
        values = health.health_metrics(rows, score_scale["levels"])
        breaches = health.check_health(values, parameters["health"]["thresholds"])
        sentences = {breach.figure: breach.sentence for breach in breaches}
        return pd.DataFrame(
            [
                {"metric": figure, "value": value, "breach": sentences.get(figure, "")}
                for figure, value in values.items()
            ]
        )

    return per_policy(pd.concat(predictions.values(), ignore_index=True), measure)


def watch_health(figures: pd.DataFrame, parameters: dict[str, Any], *stored: pd.DataFrame) -> None:
    """Warn of every figure that is out of bounds, or stop the run.

    Args:
        figures: policy, split, breach.
        parameters: `health.on_breach`: `warn` or `stop`.
        stored: every other table of the round. They are not looked at; being an input, each is
            stored before this node, so a run that stops loses none of them.

    Raises:
        ValueError: there is a breach and the run is to stop, or `on_breach` is unknown.
    """
    reaction = parameters["health"]["on_breach"]
    if reaction not in REACTIONS:
        raise ValueError(
            f"Unknown `evaluation.health.on_breach` '{reaction}': choose one of {REACTIONS}."
        )
    breaches = [
        f"'{row.policy}' on {row.split}: {row.breach}"
        for row in figures[figures["breach"] != ""].itertuples()
    ]
    if breaches and reaction == "stop":
        raise ValueError(
            "\n".join(breaches) + "\nStopped by `evaluation.health.on_breach: stop`. What was "
            "computed is stored; with `warn` and `--only-missing-outputs` the run goes on from it."
        )
    for breach in breaches:
        logger.warning("%s", breach)
