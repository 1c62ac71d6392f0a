"""Node of evaluation: what if a policy no longer answers sensibly?"""

from __future__ import annotations

import logging
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import pandas as pd

from selfscore.metrics.figures import HEALTH, among
from selfscore.metrics.health import PolicyBreach, advice, find_breaches
from selfscore.pipelines.evaluation.settings import EvaluationSettings

logger = logging.getLogger(__name__)

# With time and level before it, a line of the log stays below 200 characters.
_WIDTH = 180


def watch_health(figures: pd.DataFrame, settings: EvaluationSettings) -> None:
    """Warn of every limit that policies pass, or stop the run.

    Args:
        figures: the round's; being an input, they are stored before this node.
        settings: of which `health` counts.

    Raises:
        ValueError: there is a breach and the run is to stop.
    """
    limits = settings.health.thresholds
    found = find_breaches(figures, limits)
    if not found:
        return
    policies = among(figures, of=HEALTH)["policy"].unique().tolist()
    passed = _limits_passed(found, list(asdict(limits)), policies)
    for told in [*passed, f"{advice(one.breach for one in found)}."]:
        logger.warning("%s", "\n  ".join(textwrap.wrap(told, _WIDTH)))
    if settings.health.on_breach == "stop":
        kinds = ", ".join(dict.fromkeys(one.breach.kind for one in found))
        raise ValueError(
            f"Policies do not answer sensibly, as is warned of above ({kinds}). Stopped by "
            "`evaluation.health.on_breach: stop`. What was computed is stored; with `warn` and "
            "`--only-missing-outputs` the run goes on from it."
        )


def _limits_passed(
    found: Sequence[PolicyBreach], limits: Sequence[str], policies: Sequence[str]
) -> Iterator[str]:
    """Of every limit, which of the policies pass it on which images, and the worst case."""
    for limit in limits:
        those = [one for one in found if one.breach.threshold == limit]
        if those:
            worst = max((one.breach for one in those), key=lambda breach: breach.beyond)
            which = "at worst; " if len(those) > 1 else ""
            words = f"{worst.kind}: {worst.words} ({which}`{limit}` is {worst.limit:g})"
            yield f"{_who(those, policies)}: {words}."


def _who(found: Sequence[PolicyBreach], policies: Sequence[str]) -> str:
    """`'scoring', 'merged' on validation and test; 'level' on test`."""
    splits: dict[str, list[str]] = {}
    for one in found:
        splits.setdefault(one.policy, []).append(one.split)
    alike: dict[str, list[str]] = {}
    for policy, some in splits.items():
        alike.setdefault(" and ".join(some), []).append(policy)
    return "; ".join(f"{_named(some, policies)} on {where}" for where, some in alike.items())


def _named(some: Sequence[str], policies: Sequence[str]) -> str:
    if len(some) == len(policies) > 2:
        return f"all {len(policies)} policies"
    return ", ".join(f"'{policy}'" for policy in some)
