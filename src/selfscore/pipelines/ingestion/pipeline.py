"""raw_images + raw_scores → scored_images, score_scale, data_check, quarantine."""

from kedro.pipeline import Node, Pipeline

from selfscore.pipelines.ingestion.nodes import (
    assign_levels,
    check_data,
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
                outputs=["listed_images", "score_source"],
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
                inputs=["split_images", "score_source", "params:ingestion"],
                outputs="score_scale",
                name="fit_score_scale",
            ),
            # Beside `assign_levels`, and so before anything that takes long.
            Node(
                check_data,
                inputs=[
                    "split_images",
                    "readable_images",
                    "quarantine",
                    "score_scale",
                    "score_source",
                    "params:dpo_training",
                    "params:level_training",
                    "params:experts",
                    "params:evaluation.splits",
                ],
                outputs="data_check",
                name="check_data",
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
