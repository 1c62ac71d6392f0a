"""Node of evaluation: what if a policy no longer answers sensibly?"""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd

from selfscore.metrics.health import find_breaches

logger = logging.getLogger(__name__)

REACTIONS = ("warn", "stop")


def watch_health(figures: pd.DataFrame, parameters: dict[str, Any], *stored: pd.DataFrame) -> None:
    """Warn of every figure of health that is out of bounds, or stop the run.

    Args:
        figures: the round's.
        parameters: `health.thresholds`, see `selfscore.metrics.health.check_health`, and
            `health.on_breach`: `warn` or `stop`.
        stored: every other table of the round. They are not looked at; being an input, each is
            stored before this node, as the figures are, so a run that stops loses none of them.

    Raises:
        ValueError: there is a breach and the run is to stop, `on_breach` is unknown, or there is no
            such threshold.
    """
    reaction = parameters["health"]["on_breach"]
    if reaction not in REACTIONS:
        raise ValueError(
            f"Unknown `evaluation.health.on_breach` '{reaction}': choose one of {REACTIONS}."
        )
    breaches = [
        f"'{found.policy}' on {found.split}: {found.breach.sentence}"
        for found in find_breaches(figures, parameters["health"]["thresholds"])
    ]
    if breaches and reaction == "stop":
        raise ValueError(
            "\n".join(breaches) + "\nStopped by `evaluation.health.on_breach: stop`. What was "
            "computed is stored; with `warn` and `--only-missing-outputs` the run goes on from it."
        )
    for breach in breaches:
        logger.warning("%s", breach)
