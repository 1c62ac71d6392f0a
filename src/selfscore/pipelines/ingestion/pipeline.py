"""raw_images + raw_scores → scored_images, score_scale, quarantine."""

from kedro.pipeline import Node, Pipeline

from selfscore.pipelines.ingestion.nodes import (
    assign_levels,
    check_images,
    draw_splits,
    fit_score_scale,
    read_scores,
)


def create_pipeline() -> Pipeline:
    """From a folder and a table to the images that everything else works on."""
    return Pipeline(
        [
            Node(
                read_scores,
                inputs=["raw_scores", "params:ingestion"],
                outputs="listed_images",
                name="read_scores",
            ),
            Node(
                check_images,
                inputs=["listed_images", "raw_images", "params:ingestion"],
                outputs=["readable_images", "quarantine"],
                name="check_images",
            ),
            Node(
                draw_splits,
                inputs=["readable_images", "quarantine", "params:ingestion", "params:seed"],
                outputs="split_images",
                name="draw_splits",
            ),
            Node(
                fit_score_scale,
                inputs=["split_images", "params:ingestion"],
                outputs="score_scale",
                name="fit_score_scale",
            ),
            Node(
                assign_levels,
                inputs=["split_images", "score_scale", "params:ingestion", "params:seed"],
                outputs="scored_images",
                name="assign_levels",
            ),
        ],
        # One group in the graph; what it reads and makes belongs to no round.
        namespace="ingestion",
        prefix_datasets_with_namespace=False,
    )
