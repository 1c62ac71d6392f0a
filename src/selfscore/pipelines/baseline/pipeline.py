"""params:model → policy_0 → baseline.image_features, edit_features, consistency_judge, figures.

Every consistency figure of every round is read off by the one judge fitted here, so rounds can be
compared. Its texts are written by the same template that writes a round's training data.
"""

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from selfscore.configuration.layout import BASELINE, LEVEL
from selfscore.pipelines import data_generation, evaluation
from selfscore.pipelines.baseline.nodes import (
    describe_base_policy,
    encode_edits,
    encode_images,
    fit_consistency_judge,
    form_second_opinions,
    match_attributes,
)
from selfscore.pipelines.checkpoints import with_checkpoints


def create_pipeline(experts: Sequence[str]) -> Pipeline:
    """Everything that is done once, with the base model alone.

    Args:
        experts: names of the experts of every round; `level` learns from second opinions.
    """
    base_policy = Node(
        describe_base_policy,
        inputs=["params:model", "score_scale", "params:prompts", "params:domain"],
        outputs="policy_0",
        name="describe_base_policy",
    )
    attributes = Node(
        match_attributes,
        inputs=["scored_images", "severities", "statement_lexicon"],
        outputs="attributes",
        name="match_attributes",
    )
    features = Node(
        encode_images,
        inputs=[
            "policy",
            "raw_images",
            "scored_images",
            "params:evaluation.splits",
            "params:image_features",
            "params:machine",
            "checkpoints",
        ],
        outputs="image_features",
        name="encode_images",
    )
    edits = Node(
        encode_edits,
        inputs=[
            "policy",
            "raw_images",
            "image_features",
            "scored_images",
            "params:evaluation",
            "params:image_features",
            "params:machine",
            "params:seed",
            "checkpoints",
        ],
        outputs="edit_features",
        name="encode_edits",
    )
    judge = Node(
        fit_consistency_judge,
        inputs=["policy", "generations", "params:seed"],
        outputs="consistency_judge",
        name="fit_consistency_judge",
    )
    opinions = Node(
        form_second_opinions,
        inputs=["scored_images", "image_features"],
        outputs="second_opinions",
        name="form_second_opinions",
    )
    template = (
        data_generation.create_pipeline()
        + Pipeline([features, edits, judge, *([opinions] if LEVEL in experts else [])])
        + evaluation.create_pipeline(policies=["base"])
    )
    first = Pipeline(
        [base_policy, attributes], namespace=BASELINE, prefix_datasets_with_namespace=False
    )
    return first + Pipeline(
        with_checkpoints(template),
        namespace=BASELINE,
        inputs={
            "policy": "policy_0",
            "base_policy": "policy_0",
            "hosted_verdicts": "hosted_verdicts",
            "raw_images": "raw_images",
            "scored_images": "scored_images",
            "attributes": "attributes",
            "statement_lexicon": "statement_lexicon",
        },
        parameters={
            "params:seed",
            "params:evaluation.splits",
            "params:image_features",
            "params:machine",
        },
    )
