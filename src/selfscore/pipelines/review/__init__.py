"""Pairs that people read by hand, and what they said; no part of a round."""

from selfscore.pipelines.review.pipeline import create_pipeline, sources
