"""Pre-trains the small vision-language model that the demo starts from."""

from selfscore_demo.pipelines.demo_model.pipeline import create_pipeline

__all__ = ["create_pipeline"]
