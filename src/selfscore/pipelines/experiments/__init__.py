"""What is kept of a run for the experiments, and the pages that compare runs."""

from selfscore.pipelines.experiments.pipeline import create_pipeline, create_record
