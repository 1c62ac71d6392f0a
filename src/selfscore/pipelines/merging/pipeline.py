"""{expert}_adapter of every expert → merged_adapter → next_policy, with a strength that fits."""

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from selfscore.pipelines.merging.nodes import merge_experts, update_policy
from selfscore.pipelines.merging.strength import choose_strength


def create_pipeline(experts: Sequence[str]) -> Pipeline:
    """The template of one round's merge.

    Args:
        experts: names of the experts.
    """
    return Pipeline(
        [
            Node(
                merge_experts,
                inputs={"settings": "params:merging", "seed": "params:seed"}
                | {name: f"{name}_adapter" for name in experts},
                outputs=["merged_adapter", "merged_energy"],
                name="merge_experts",
            ),
            Node(
                choose_strength,
                inputs={
                    "policy": "policy",
                    "merged_adapter": "merged_adapter",
                    "images": "raw_images",
                    "image_features": "image_features",
                    "scored_images": "scored_images",
                    "consistency_judge": "consistency_judge",
                    "settings": "params:merging",
                    "machine": "params:machine",
                    "checkpoint": "checkpoints",
                },
                outputs="merge_strength",
                name="choose_strength",
            ),
            Node(
                update_policy,
                inputs=[
                    "policy",
                    "merged_adapter",
                    "merged_energy",
                    "merge_strength",
                    "params:merging",
                ],
                outputs=["next_policy", "merge_report"],
                name="update_policy",
            ),
        ]
    )
