"""The figures of several seeds and of the control, as a page of the documentation."""

from selfscore.pipelines.results.pipeline import create_pipeline
