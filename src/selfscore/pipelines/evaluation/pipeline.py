"""policy, {expert}_adapter, next_policy → {name}_predictions → judgements, readings → figures.

Reports and logs of how the policies were made become figures too; in the baseline, where nothing
is learnt, what the image features alone are worth.
"""

from collections.abc import Callable, Sequence
from functools import partial, update_wrapper
from typing import Any

from kedro.pipeline import Node, Pipeline

from selfscore.pipelines.evaluation.health import watch_health
from selfscore.pipelines.evaluation.judgement import judge_explanations
from selfscore.pipelines.evaluation.learning import measure_learning
from selfscore.pipelines.evaluation.measurement import measure_policies
from selfscore.pipelines.evaluation.prediction import predict
from selfscore.pipelines.evaluation.ridge import measure_ridge
from selfscore.report.gallery import gather_pairs

# Policies that stand on their own, and the dataset each is read from. Every other name is an
# expert's: its adapter on top of the round's policy.
WHOLE_POLICIES = {"base": "policy", "merged": "next_policy"}


def create_pipeline(policies: Sequence[str] = ("scoring", "consistency", "merged")) -> Pipeline:
    """The template of one round's evaluation.

    Args:
        policies: what to evaluate: `base` (the round's policy as it comes), `merged` (the one it
            hands on), or the name of an expert.
    """
    predictions = {name: f"{name}_predictions" for name in policies}
    learns = "merged" in policies
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
                    "machine": "params:machine",
                    "settings": "params:evaluation",
                    "seed": "params:seed",
                    "checkpoint": "checkpoints",
                    **predictions,
                },
                ["judgements", "readings"],
            ),
            _node(
                measure_policies,
                {
                    "judgements": "judgements",
                    "readings": "readings",
                    "scored_images": "scored_images",
                    "base_policy": "base_policy",
                    "settings": "params:evaluation",
                    "seed": "params:seed",
                    "others": "learning" if learns else "ridge",
                    **predictions,
                },
                "figures",
            ),
            # Without an output, so that it is done again whenever a stopped run goes on.
            _node(watch_health, ["figures", "params:evaluation"], None),
            *(_of_learning(policies) if learns else [_OF_FEATURES]),
        ]
    )


def _of_learning(policies: Sequence[str]) -> list[Node]:
    """What only a round has, since the baseline learns nothing: how it learnt, and from what."""
    experts = [name for name in policies if name not in WHOLE_POLICIES]
    return [
        _node(
            measure_learning,
            {
                "preference_report": "preference_report",
                "merge_report": "merge_report",
                **{expert: f"{expert}_training_log" for expert in experts},
            },
            "learning",
        ),
        _node(
            gather_pairs,
            {
                "policy": "policy",
                "generations": "generations",
                "readings": "readings",
                "scored_images": "scored_images",
                "images": "raw_images",
                "settings": "params:reporting",
                "seed": "params:seed",
            },
            "pair_gallery",
        ),
    ]


def _node(
    function: Callable[..., Any],
    inputs: list[str] | dict[str, str],
    outputs: str | list[str] | None,
) -> Node:
    """A node that is called like its function."""
    return Node(function, inputs=inputs, outputs=outputs, name=function.__name__)


# What only the baseline has: features are the same in every round.
_OF_FEATURES = _node(
    measure_ridge,
    {
        "image_features": "image_features",
        "scored_images": "scored_images",
        "base_policy": "base_policy",
        "settings": "params:evaluation",
        "seed": "params:seed",
    },
    "ridge",
)


def _prediction(name: str) -> Node:
    inputs = {
        "policy": WHOLE_POLICIES.get(name, "policy"),
        "images": "raw_images",
        "image_features": "image_features",
        "scored_images": "scored_images",
        "settings": "params:evaluation",
        "machine": "params:machine",
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
