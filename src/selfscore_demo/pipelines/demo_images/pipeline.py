"""demo_photographs → demo_pictures, demo_severities, demo_scores, demo_lexicon."""

from kedro.pipeline import Node, Pipeline

from selfscore_demo.pipelines.demo_images.nodes import (
    draw_faults,
    list_statements,
    rate_pictures,
    render_pictures,
)


def create_pipeline() -> Pipeline:
    """From clean photographs to faulty pictures with known severities and simulated ratings."""
    return Pipeline(
        [
            Node(
                draw_faults,
                inputs=["demo_photograph_sources", "params:demo_images"],
                outputs="demo_picture_plan",
                name="draw_demo_faults",
            ),
            Node(
                render_pictures,
                inputs=["demo_photographs", "demo_picture_plan", "params:demo_images"],
                outputs="demo_pictures",
                name="render_demo_pictures",
            ),
            Node(
                rate_pictures,
                inputs=["demo_picture_plan", "params:demo_images"],
                outputs=["demo_scores", "demo_severities"],
                name="rate_demo_pictures",
            ),
            Node(list_statements, inputs=None, outputs="demo_lexicon", name="list_demo_statements"),
        ],
        tags="demo",
    )
