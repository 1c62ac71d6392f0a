"""Each merge method at several strengths, from one set of trained experts.

Experts are trained once, by a run of one round. Here they are merged by every method and put on the
base model at every strength; scores and texts are measured as those of a round's policy are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from benchmarks.experiments.finished_run import FinishedRun
from benchmarks.experiments.measured import Measured, judged, predictions_of
from selfscore.configuration.layout import BASELINE, Layout, namespace
from selfscore.configuration.settings_class import Positive, settings_class
from selfscore.merging.settings import MergeSettings, Method
from selfscore.merging.strength import Answers, choose
from selfscore.metrics.figures import as_figures
from selfscore.metrics.policy_metrics import policy_metrics
from selfscore.vlm.policy import LoraAdapter

METRICS = ("srcc", "consistency", "faithfulness", "format_valid")
# 1 where the strength of the row is the method's own best one.
CHOSEN = "chosen"
# Images of this split alone say which.
_CHOOSES = "validation"


@settings_class
class FrontSettings:
    """What is compared.

    Attributes:
        methods: of `selfscore.merging.methods`.
        strengths: factors λ on the merged change.
    """

    methods: Annotated[list[Method], Field(min_length=1)]
    strengths: Annotated[list[Positive], Field(min_length=1)]


def policy_at(method: str, strength: float) -> str:
    """What the policy of a method at a strength is called."""
    return f"{method}@{strength:g}"


def merge_fronts(run: FinishedRun, settings: FrontSettings) -> Measured:
    """Merge the experts of the first round by every method and strength, and measure all of them.

    Returns:
        The figures `METRICS` of the policies `<method>@<strength>` on every evaluated split, and
        `chosen`, on validation images: the strength that `selfscore.merging.strength.choose` takes,
        the weakest where none keeps the answers as they were.
    """
    policies = {
        policy_at(method, strength): adapter
        for method in settings.methods
        for strength, adapter in _at_strengths(run, method, settings.strengths).items()
    }
    judgements, _ = judged(run, predictions_of(run, policies))
    levels = run.base_policy.card.score_scale.levels
    tables = []
    for (policy, split), rows in judgements.groupby(["policy", "split"], sort=False):
        draws = run.evaluation.resampling(rows["group"], run.seed)
        figures = policy_metrics(rows, levels, draws)
        kept = figures[figures["metric"].isin(METRICS)]
        tables.append(as_figures(kept, round=1, policy=str(policy), split=str(split)))
    before = run.load(f"{BASELINE}.judgements")
    for method in settings.methods:
        best = _best(run, method, settings.strengths, judgements, before)
        for strength in settings.strengths:
            row = pd.DataFrame([{"metric": CHOSEN, "value": float(strength == best), "n": 1}])
            facts = {"policy": policy_at(method, strength), "split": _CHOOSES}
            tables.append(as_figures(row, round=1, **facts))
    return Measured(pd.concat(tables, ignore_index=True), judgements.iloc[:0])


def _at_strengths(
    run: FinishedRun, method: Method, strengths: list[float]
) -> Mapping[float, LoraAdapter]:
    from selfscore.merging.experts import merge_adapters, scaled

    first = namespace(1)
    names = Layout.of(run.parameters).experts
    experts = {name: run.load(f"{first}.{name}_adapter") for name in names}
    how = replace(MergeSettings(**run.parameters[first]["merging"]), method=method)
    adapter, _ = merge_adapters(experts, how, run.seed)
    return {strength: scaled(adapter, strength) for strength in strengths}


def _best(
    run: FinishedRun,
    method: str,
    strengths: list[float],
    judgements: pd.DataFrame,
    before: pd.DataFrame,
) -> float:
    """The strength that validation images choose."""
    both = pd.concat([judgements, before.assign(policy=policy_at(method, 0))], ignore_index=True)
    rows = {
        strength: both[
            (both["policy"] == policy_at(method, strength)) & (both["split"] == _CHOOSES)
        ].sort_values("image_id", ignore_index=True)
        for strength in (0.0, *strengths)
    }
    images = rows[0.0]

    def write(strength: float) -> Answers:
        own = rows[strength]
        stated, inferred = (
            np.asarray(own[name].astype("float64"), dtype=np.float64)
            for name in ("emitted_level", "inferred_level")
        )
        return Answers(own["valid"].to_numpy(dtype=bool), stated, inferred)

    draws = run.evaluation.resampling(images["group"], run.seed)
    expected = {
        strength: np.asarray(rows[strength]["expected_level"], dtype=np.float64)
        for strength in strengths
    }
    chosen, _ = choose(expected, images["score"].to_numpy(), write, draws, draws)
    return min(strengths) if chosen is None else chosen
