"""Makes the demo's scored images from the photographs that the repository ships."""

from selfscore_demo.pipelines.demo_images.pipeline import create_pipeline

__all__ = ["create_pipeline"]
