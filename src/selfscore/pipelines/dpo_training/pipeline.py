"""policy + {expert}_pairs + reference_logps → {expert}_adapter, {expert}_training_log."""

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from selfscore.pipelines.dpo_training.nodes import train_expert


def create_pipeline(experts: Sequence[str]) -> Pipeline:
    """The template of one round's training.

    Args:
        experts: names of those that learn from pairs.
    """
    return Pipeline(
        [
            Node(
                train_expert,
                inputs={
                    "policy": "policy",
                    "pairs": f"{expert}_pairs",
                    "reference_logps": "reference_logps",
                    "images": "raw_images",
                    "image_features": "image_features",
                    "settings": f"params:dpo_training.{expert}",
                    "machine": "params:machine",
                    "seed": "params:seed",
                    "checkpoint": "checkpoints",
                },
                outputs=[f"{expert}_adapter", f"{expert}_training_log"],
                name=f"train_{expert}_expert",
            )
            for expert in experts
        ]
    )
