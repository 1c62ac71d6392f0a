"""Trains one LoRA expert per table of pairs, by DPO, on top of the last round's policy."""

from selfscore.pipelines.dpo_training.pipeline import create_pipeline

__all__ = ["create_pipeline"]
