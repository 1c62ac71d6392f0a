"""policy + scored images → forced_levels → generations."""

from typing import Any

from kedro.pipeline import Node, Pipeline

from selfscore.pipelines.data_generation.nodes import explain_forced_levels, force_levels


def create_pipeline(**kwargs: Any) -> Pipeline:
    """The template of one round's data generation."""
    return Pipeline(
        [
            Node(
                force_levels,
                inputs=["scored_images", "score_scale", "params:data_generation", "params:seed"],
                outputs="forced_levels",
                name="force_levels",
            ),
            Node(
                explain_forced_levels,
                inputs=[
                    "policy",
                    "raw_images",
                    "image_features",
                    "forced_levels",
                    "score_scale",
                    "params:data_generation",
                    "params:prompts",
                    "params:seed",
                ],
                outputs="generations",
                name="explain_forced_levels",
            ),
        ]
    )
