"""policy + scored images → forced_levels → generations; free_texts where an expert needs them."""

from kedro.pipeline import Node, Pipeline

from selfscore.pipelines.data_generation.nodes import (
    explain_forced_levels,
    explain_freely,
    force_levels,
)


def create_pipeline(forced_texts: bool = True, free_texts: bool = False) -> Pipeline:
    """The template of one round's data generation.

    Args:
        forced_texts: whether the training images are explained with forced scores; else the round
            is given `generations`.
        free_texts: whether they are also explained without a forced score.
    """
    policy = ["policy", "raw_images", "image_features"]
    settings = ["params:data_generation", "params:machine", "params:seed"]
    force = Node(
        force_levels,
        inputs=["policy", "scored_images", "params:data_generation", "params:seed"],
        outputs="forced_levels",
        name="force_levels",
    )
    explain = Node(
        explain_forced_levels,
        inputs=[*policy, "forced_levels", *settings, "checkpoints"],
        outputs="generations",
        name="explain_forced_levels",
    )
    freely = Node(
        explain_freely,
        inputs=[*policy, "scored_images", *settings, "checkpoints"],
        outputs="free_texts",
        name="explain_freely",
    )
    return Pipeline(
        [*([force, explain] if forced_texts else []), *([freely] if free_texts else [])]
    )
