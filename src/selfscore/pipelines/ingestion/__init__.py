"""Scored images come in here: checked, split, and levelled."""

from selfscore.pipelines.ingestion.pipeline import create_pipeline

__all__ = ["create_pipeline"]
