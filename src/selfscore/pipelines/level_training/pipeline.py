"""policy + level_examples → level_adapter, level_training_log."""

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from selfscore.configuration.layout import LEVEL
from selfscore.pipelines.level_training.nodes import train_level


def create_pipeline(experts: Sequence[str]) -> Pipeline:
    """The template of one round's training on levels; empty where no expert asks for it.

    Args:
        experts: names of the experts.
    """
    if LEVEL not in experts:
        return Pipeline([])
    return Pipeline(
        [
            Node(
                train_level,
                inputs={
                    "policy": "policy",
                    "level_examples": "level_examples",
                    "images": "raw_images",
                    "image_features": "image_features",
                    "settings": "params:level_training",
                    "machine": "params:machine",
                    "seed": "params:seed",
                    "checkpoint": "checkpoints",
                },
                outputs=[f"{LEVEL}_adapter", f"{LEVEL}_training_log"],
                name=f"train_{LEVEL}_expert",
            )
        ]
    )
