"""The rounds side by side: one table, and curves."""

from selfscore.pipelines.reporting.pipeline import create_pipeline
