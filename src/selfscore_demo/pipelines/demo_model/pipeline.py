"""demo_photographs → demo_model, demo_model_report, demo_model_card."""

from kedro.pipeline import Node, Pipeline

from selfscore_demo.pipelines.demo_model.nodes import (
    measure_model,
    render_lessons,
    train_language_model,
    train_vision_tower,
    write_model_card,
)


def create_pipeline() -> Pipeline:
    """From clean photographs of the demo's pre-training scenes to a model and its figures."""
    return Pipeline(
        [
            Node(
                render_lessons,
                inputs=["demo_photographs", "demo_photograph_sources", "params:demo_model"],
                outputs="demo_training_images",
                name="render_demo_lessons",
            ),
            Node(
                train_vision_tower,
                inputs=["demo_training_images", "params:demo_model", "params:prompts"],
                outputs="demo_vision_model",
                name="train_demo_vision_tower",
            ),
            Node(
                train_language_model,
                inputs=[
                    "demo_vision_model",
                    "demo_training_images",
                    "params:demo_model",
                    "params:prompts",
                ],
                outputs="demo_model",
                name="train_demo_language_model",
            ),
            Node(
                measure_model,
                inputs=[
                    "demo_model",
                    "demo_pictures",
                    "demo_scores",
                    "demo_severities",
                    "demo_lexicon",
                    "params:demo_model",
                    "params:prompts",
                ],
                outputs="demo_model_report",
                name="measure_demo_model",
            ),
            Node(
                write_model_card,
                inputs=["demo_model_report", "params:demo_model"],
                outputs="demo_model_card",
                name="write_demo_model_card",
            ),
        ],
        tags="demo",
    )
