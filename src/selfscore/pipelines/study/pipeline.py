"""predictions, generations of the last round → study_page; study_answers → study_report."""

from kedro.pipeline import Node, Pipeline

from selfscore.configuration.layout import Layout, namespace
from selfscore.pipelines.study.nodes import draw_study, measure_study, write_study_page


def create_pipeline(layout: Layout) -> Pipeline:
    """The study on what the last round says.

    Args:
        layout: how many rounds there are.
    """
    last = layout.rounds
    written = 0 if last == 1 and layout.base_texts else last
    return Pipeline(
        [
            Node(
                draw_study,
                inputs=[
                    f"{namespace(last)}.merged_predictions",
                    f"{namespace(written)}.generations",
                    "scored_images",
                    "params:study",
                    "params:seed",
                ],
                outputs=["study_items", "study_plan"],
                name="draw_study",
            ),
            Node(
                write_study_page,
                inputs=["study_items", "raw_images", "score_scale", "params:study"],
                outputs=["study_page", "label_studio_tasks", "label_studio_configs"],
                name="write_study_page",
            ),
            Node(
                measure_study,
                inputs=["study_answers", "study_items", "study_plan", "params:study"],
                outputs=["study_answer_table", "study_figures", "study_report"],
                name="measure_study",
            ),
        ]
    )
