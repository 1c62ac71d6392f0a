"""generations → {expert}_pairs for every expert → reference_logps, preference_report."""

from collections.abc import Sequence
from functools import partial, update_wrapper

from kedro.pipeline import Node, Pipeline

from selfscore.pipelines.preference_building.nodes import (
    build_pairs,
    report_preferences,
    weigh_references,
)
from selfscore.preference_data.builders import pair_builder


def create_pipeline(experts: Sequence[str]) -> Pipeline:
    """The template of one round's preference building.

    Args:
        experts: names of the experts, each with a pair builder of that name.
    """
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
    report = Node(
        report_preferences,
        inputs={"generations": "generations"} | {name: f"{name}_pairs" for name in experts},
        outputs="preference_report",
        name="report_preferences",
    )
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
    return Pipeline([*builders, references, report])
