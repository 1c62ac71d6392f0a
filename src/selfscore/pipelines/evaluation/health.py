"""Node of evaluation: what if a policy no longer answers sensibly?"""

from __future__ import annotations

import logging

import pandas as pd

from selfscore.metrics.health import find_breaches
from selfscore.pipelines.evaluation.settings import EvaluationSettings

logger = logging.getLogger(__name__)


def watch_health(figures: pd.DataFrame, settings: EvaluationSettings) -> None:
    """Warn of every figure of health that is out of bounds, or stop the run.

    Args:
        figures: the round's; being an input, they are stored before this node.
        settings: of which `health` counts.

    Raises:
        ValueError: there is a breach and the run is to stop.
    """
    breaches = [
        f"'{found.policy}' on {found.split}: {found.breach.sentence}"
        for found in find_breaches(figures, settings.health.thresholds)
    ]
    if breaches and settings.health.on_breach == "stop":
        raise ValueError(
            "\n".join(breaches) + "\nStopped by `evaluation.health.on_breach: stop`. What was "
            "computed is stored; with `warn` and `--only-missing-outputs` the run goes on from it."
        )
    for breach in breaches:
        logger.warning("%s", breach)
