"""Scores and explanations of new images, whose true scores nobody knows."""

from selfscore.pipelines.scoring.pipeline import create_pipeline
