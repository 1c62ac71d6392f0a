"""policy, {expert}_adapter, next_policy → {name}_predictions → judgements, readings → figures.

Beside them {name}_edited_answers → mentions → figures, and what the base model reads in the texts.

Reports and logs of how the policies were made become figures too; in the baseline, where nothing
is learnt, what the image features alone are worth.
"""

from collections.abc import Callable, Sequence
from functools import partial, update_wrapper
from typing import Any

from kedro.pipeline import Node, Pipeline

from selfscore.pipelines.evaluation.counterfactual import answer_edits, find_mentions
from selfscore.pipelines.evaluation.health import watch_health
from selfscore.pipelines.evaluation.judgement import judge_explanations
from selfscore.pipelines.evaluation.learning import measure_learning
from selfscore.pipelines.evaluation.measurement import measure_policies
from selfscore.pipelines.evaluation.prediction import predict
from selfscore.pipelines.evaluation.reader import calibrate_reader, read_texts
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
            *(_edits(name) for name in policies),
            _node(
                judge_explanations,
                {
                    "consistency_judge": "consistency_judge",
                    "base_policy": "base_policy",
                    "hosted_verdicts": "hosted_verdicts",
                    "generations": "generations",
                    "attributes": "attributes",
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
                find_mentions,
                {
                    "hosted_verdicts": "hosted_verdicts",
                    "settings": "params:evaluation",
                    "seed": "params:seed",
                    **{f"{name}_edited": f"{name}_edited_answers" for name in policies},
                    **predictions,
                },
                "mentions",
            ),
            _reader(policies) if learns else _CALIBRATION,
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
                    "mentions": "mentions",
                    "truth_readings": "truth_readings",
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

_READ = {
    "base_policy": "base_policy",
    "images": "raw_images",
    "image_features": "image_features",
    "scored_images": "scored_images",
    "settings": "params:evaluation",
    "machine": "params:machine",
    "seed": "params:seed",
    "checkpoint": "checkpoints",
}
# What only the baseline can find out: of its own texts, whether the base model is to be believed.
_CALIBRATION = _node(
    calibrate_reader,
    {**_READ, "predictions": "base_predictions"},
    ["truth_readings", "reader_calibration"],
)


def _reader(policies: Sequence[str]) -> Node:
    predictions = {name: f"{name}_predictions" for name in policies}
    return _node(
        read_texts,
        {**_READ, "reader_calibration": "reader_calibration", **predictions},
        "truth_readings",
    )


def _prediction(name: str) -> Node:
    return _of_policy(predict, name, f"{name}_predictions", f"predict_{name}")


def _edits(name: str) -> Node:
    output, node = f"{name}_edited_answers", f"answer_edits_{name}"
    return _of_policy(answer_edits, name, output, node, features="edit_features")


def _of_policy(
    function: Callable[..., Any],
    name: str,
    output: str,
    node: str,
    features: str = "image_features",
) -> Node:
    """A node that asks one policy about images."""
    inputs = {
        "policy": WHOLE_POLICIES.get(name, "policy"),
        "images": "raw_images",
        features: features,
        "scored_images": "scored_images",
        "settings": "params:evaluation",
        "machine": "params:machine",
        "seed": "params:seed",
        "checkpoint": "checkpoints",
    }
    if name not in WHOLE_POLICIES:
        inputs["adapter"] = f"{name}_adapter"
    asked = update_wrapper(partial(function, name=name), function)
    return Node(asked, inputs=inputs, outputs=output, name=node)
