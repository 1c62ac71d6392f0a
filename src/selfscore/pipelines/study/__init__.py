"""Whether the explanations are of use to people; no part of a round."""

from selfscore.pipelines.study.pipeline import create_pipeline
