"""generations → {expert}_pairs, level_examples → reference_logps, preference_report."""

from collections.abc import Sequence
from functools import partial, update_wrapper

from kedro.pipeline import Node, Pipeline

from selfscore.configuration.layout import LEVEL, of_pairs
from selfscore.pipelines.preference_building.nodes import (
    build_level_examples,
    build_pairs,
    report_preferences,
    weigh_references,
)
from selfscore.preference_data.builders import pair_builder


def create_pipeline(experts: Sequence[str]) -> Pipeline:
    """The template of one round's preference building.

    Args:
        experts: names of the experts; all but `level` have a pair builder of that name.
    """
    tables = {name: f"{name}_pairs" for name in of_pairs(experts)}
    if LEVEL in experts:
        tables["level_examples"] = "level_examples"
    report = Node(
        report_preferences,
        inputs={"generations": "generations"} | tables,
        outputs="preference_report",
        name="report_preferences",
    )
    return Pipeline(
        [
            *_of_pairs(of_pairs(experts)),
            *([_of_levels()] if LEVEL in experts else []),
            report,
        ]
    )


def _of_pairs(experts: Sequence[str]) -> list[Node]:
    """The pairs of every expert, and how likely the policy finds their answers."""
    builders = [
        Node(
            update_wrapper(partial(build_pairs, expert=expert), build_pairs),
            inputs={
                "generations": "free_texts" if pair_builder(expert).free_texts else "generations",
                "seed": "params:seed",
            },
            outputs=f"{expert}_pairs",
            name=f"build_{expert}_pairs",
        )
        for expert in experts
    ]
    references = Node(
        weigh_references,
        inputs={
            "policy": "policy",
            "images": "raw_images",
            "image_features": "image_features",
            "generations": "generations",
            "settings": "params:preference_building",
            "machine": "params:machine",
            "checkpoint": "checkpoints",
        }
        | {name: f"{name}_pairs" for name in experts},
        outputs="reference_logps",
        name="weigh_references",
    )
    return [*builders, references] if experts else []


def _of_levels() -> Node:
    return Node(
        build_level_examples,
        inputs=[
            "policy",
            "scored_images",
            "second_opinions",
            "generations",
            "params:preference_building",
        ],
        outputs="level_examples",
        name="build_level_examples",
    )
