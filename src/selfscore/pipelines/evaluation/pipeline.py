"""policy, {expert}_adapter, next_policy → {name}_predictions → judgements → metrics."""

from collections.abc import Sequence
from functools import partial, update_wrapper
from typing import Any

from kedro.pipeline import Node, Pipeline

from selfscore.pipelines.evaluation.nodes import judge_explanations, measure_policies, predict

# Policies that stand on their own, and the dataset each is read from. Every other name is an
# expert's: its adapter on top of the round's policy.
WHOLE_POLICIES = {"base": "policy", "merged": "next_policy"}


def create_pipeline(
    policies: Sequence[str] = ("scoring", "consistency", "merged"), **kwargs: Any
) -> Pipeline:
    """The template of one round's evaluation.

    Args:
        policies: what to evaluate: `base` (the round's policy as it comes), `merged` (the one it
            hands on), or the name of an expert.
        kwargs: unused, part of Kedro's signature.
    """
    judge = Node(
        judge_explanations,
        inputs=[
            "consistency_judge",
            "severities",
            "statement_lexicon",
            "params:evaluation",
            *(f"{name}_predictions" for name in policies),
        ],
        outputs="judgements",
        name="judge_explanations",
    )
    measure = Node(
        measure_policies,
        inputs=["judgements", "score_scale", "params:evaluation", "params:seed"],
        outputs="metrics",
        name="measure_policies",
    )
    return Pipeline([*(_prediction(name) for name in policies), judge, measure])


def _prediction(name: str) -> Node:
    inputs = {
        "policy": WHOLE_POLICIES.get(name, "policy"),
        "images": "raw_images",
        "image_features": "image_features",
        "scored_images": "scored_images",
        "score_scale": "score_scale",
        "parameters": "params:evaluation",
        "prompts": "params:prompts",
        "seed": "params:seed",
    }
    if name not in WHOLE_POLICIES:
        inputs["adapter"] = f"{name}_adapter"
    return Node(
        update_wrapper(partial(predict, name=name), predict),
        inputs=inputs,
        outputs=f"{name}_predictions",
        name=f"predict_{name}",
    )
