"""Merges the experts and puts the result on the policy: what a round hands to the next."""

from selfscore.pipelines.merging.pipeline import create_pipeline

__all__ = ["create_pipeline"]
