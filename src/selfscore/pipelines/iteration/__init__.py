"""The whole loop: ingestion, baseline, every round, and the report over the rounds."""

from selfscore.pipelines.iteration.pipeline import create_pipeline

__all__ = ["create_pipeline"]
