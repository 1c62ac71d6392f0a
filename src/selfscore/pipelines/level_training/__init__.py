"""Trains one LoRA expert on the true scores themselves, on top of the last round's policy."""

from selfscore.pipelines.level_training.pipeline import create_pipeline

__all__ = ["create_pipeline"]
