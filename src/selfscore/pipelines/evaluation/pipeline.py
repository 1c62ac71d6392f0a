"""policy, {expert}_adapter, next_policy → {name}_predictions → judgements → figures, and a check.

The figures: metrics, reliability, controls, consistency, judge_agreement, health.
"""

from collections.abc import Callable, Sequence
from functools import partial, update_wrapper
from typing import Any

from kedro.pipeline import Node, Pipeline

from selfscore.pipelines.evaluation.health import measure_health, watch_health
from selfscore.pipelines.evaluation.judgement import (
    compare_judges,
    judge_explanations,
    measure_consistency,
)
from selfscore.pipelines.evaluation.measurement import (
    measure_controls,
    measure_policies,
    measure_reliability,
)
from selfscore.pipelines.evaluation.prediction import predict

# Policies that stand on their own, and the dataset each is read from. Every other name is an
# expert's: its adapter on top of the round's policy.
WHOLE_POLICIES = {"base": "policy", "merged": "next_policy"}
# Beside `health`: what a run that health stops has stored all the same.
_STORED_BEFORE_A_STOP = ["metrics", "reliability", "controls", "consistency", "judge_agreement"]


def create_pipeline(
    policies: Sequence[str] = ("scoring", "consistency", "merged"), **kwargs: Any
) -> Pipeline:
    """The template of one round's evaluation.

    Args:
        policies: what to evaluate: `base` (the round's policy as it comes), `merged` (the one it
            hands on), or the name of an expert.
        kwargs: unused, part of Kedro's signature.
    """
    predictions = {name: f"{name}_predictions" for name in policies}
    return Pipeline(
        [
            *(_prediction(name) for name in policies),
            _node(
                judge_explanations,
                {
                    "consistency_judge": "consistency_judge",
                    "base_policy": "base_policy",
                    "hosted_verdicts": "hosted_verdicts",
                    "generations": "generations",
                    "severities": "severities",
                    "statement_lexicon": "statement_lexicon",
                    "score_scale": "score_scale",
                    "prompts": "params:prompts",
                    "loading": "params:loading",
                    "parameters": "params:evaluation",
                    "seed": "params:seed",
                    "checkpoint": "checkpoints",
                    **predictions,
                },
                ["judgements", "forced_judgements"],
            ),
            _node(
                measure_policies,
                ["judgements", "score_scale", "params:evaluation", "params:seed"],
                "metrics",
            ),
            _node(
                measure_reliability,
                ["judgements", "params:evaluation", "params:seed"],
                "reliability",
            ),
            _node(
                measure_controls,
                ["judgements", "scored_images", "score_scale", "params:evaluation", "params:seed"],
                "controls",
            ),
            _node(
                measure_consistency,
                [
                    "judgements",
                    "forced_judgements",
                    "scored_images",
                    "params:evaluation",
                    "params:seed",
                ],
                "consistency",
            ),
            _node(
                compare_judges,
                ["judgements", "params:evaluation", "params:seed"],
                "judge_agreement",
            ),
            _node(
                measure_health,
                {
                    "score_scale": "score_scale",
                    "parameters": "params:evaluation",
                    **predictions,
                },
                "health",
            ),
            # Without an output, so that it is done again whenever a stopped run goes on.
            _node(watch_health, ["health", "params:evaluation", *_STORED_BEFORE_A_STOP], None),
        ]
    )


def _node(
    function: Callable[..., Any],
    inputs: list[str] | dict[str, str],
    outputs: str | list[str] | None,
) -> Node:
    """A node that is called like its function."""
    return Node(function, inputs=inputs, outputs=outputs, name=function.__name__)


def _prediction(name: str) -> Node:
    inputs = {
        "policy": WHOLE_POLICIES.get(name, "policy"),
        "images": "raw_images",
        "image_features": "image_features",
        "scored_images": "scored_images",
        "score_scale": "score_scale",
        "parameters": "params:evaluation",
        "prompts": "params:prompts",
        "loading": "params:loading",
        "generation": "params:generation",
        "seed": "params:seed",
        "checkpoint": "checkpoints",
    }
    if name not in WHOLE_POLICIES:
        inputs["adapter"] = f"{name}_adapter"
    return Node(
        update_wrapper(partial(predict, name=name), predict),
        inputs=inputs,
        outputs=f"{name}_predictions",
        name=f"predict_{name}",
    )
