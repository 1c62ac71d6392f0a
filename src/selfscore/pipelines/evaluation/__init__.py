"""What a round's policies are worth on images they were not trained on."""

from selfscore.pipelines.evaluation.pipeline import create_pipeline
