"""Turns the two explanations of an image into preference pairs, one table per expert."""

from selfscore.pipelines.preference_building.pipeline import create_pipeline

__all__ = ["create_pipeline"]
