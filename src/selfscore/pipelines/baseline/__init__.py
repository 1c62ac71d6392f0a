"""The base model before any round: policy_0, its figures, and the judge made from its texts."""

from selfscore.pipelines.baseline.pipeline import create_pipeline

__all__ = ["create_pipeline"]
