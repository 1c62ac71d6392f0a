"""Explains every training image twice: with its true level forced, and with a wrong one."""

from selfscore.pipelines.data_generation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
