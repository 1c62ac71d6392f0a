"""figures of the baseline and all rounds → figures_over_rounds → champion, changes → report."""

from kedro.pipeline import Node, Pipeline

from selfscore.configuration.layout import namespace, policy_name
from selfscore.pipelines.reporting.nodes import write_report
from selfscore.pipelines.reporting.over_rounds import (
    gather_figures,
    measure_reliability,
    pick_answers,
    stack_rounds,
)
from selfscore.report.champion import choose_champion
from selfscore.report.changes import measure_changes
from selfscore.report.description import describe_run
from selfscore.report.gallery import gather_gallery
from selfscore.report.summary import summarize

# What the charts are made of.
_RUN = {
    "champion": "champion",
    "figures": "figures_over_rounds",
    "answers": "answers_over_rounds",
    "reliability": "reliability_over_rounds",
    "base_policy": policy_name(0),
    "thresholds": "params:evaluation.health.thresholds",
    "settings": "params:reporting",
}


def create_pipeline(rounds: int = 1) -> Pipeline:
    """The report over all rounds.

    Args:
        rounds: how many rounds there are beside the baseline, at least 1.
    """
    namespaces = [namespace(number) for number in range(rounds + 1)]
    own = namespaces[1:]
    return Pipeline(
        [
            Node(
                stack_rounds,
                inputs=[f"{namespace}.judgements" for namespace in namespaces],
                outputs="judgements_over_rounds",
                name="follow_judgements",
            ),
            Node(
                pick_answers,
                inputs="judgements_over_rounds",
                outputs="answers_over_rounds",
                name="pick_answers",
            ),
            Node(
                stack_rounds,
                inputs=[f"{namespace}.pair_gallery" for namespace in own],
                outputs="pairs_over_rounds",
                name="follow_pairs",
            ),
            Node(
                gather_figures,
                inputs=[
                    "judgements_over_rounds",
                    "params:reporting",
                    "params:seed",
                    *(f"{namespace}.figures" for namespace in namespaces),
                ],
                outputs="figures_over_rounds",
                name="gather_figures",
            ),
            Node(
                measure_reliability,
                inputs=[
                    "judgements_over_rounds",
                    "params:evaluation.calibration_bins",
                    "params:reporting",
                    "params:seed",
                ],
                outputs="reliability_over_rounds",
                name="measure_reliability",
            ),
            Node(
                choose_champion,
                inputs={
                    "figures": "figures_over_rounds",
                    "judgements": "judgements_over_rounds",
                    "scored_images": "scored_images",
                    "settings": "params:reporting",
                    "base_policy": policy_name(0),
                    "seed": "params:seed",
                    **{
                        policy_name(number): f"{namespace}.merge_report"
                        for number, namespace in enumerate(own, start=1)
                    },
                },
                outputs="champion",
                name="choose_champion",
            ),
            Node(
                measure_changes,
                inputs=[
                    "champion",
                    "judgements_over_rounds",
                    "scored_images",
                    "params:reporting",
                    "params:seed",
                ],
                outputs="iteration_changes",
                name="measure_changes",
            ),
            Node(
                summarize,
                inputs={
                    "champion": "champion",
                    "changes": "iteration_changes",
                    "figures": "figures_over_rounds",
                    "consistency_judge": "baseline.consistency_judge",
                    "thresholds": "params:evaluation.health.thresholds",
                    "settings": "params:reporting",
                },
                outputs="run_summary",
                name="summarize_run",
            ),
            Node(
                gather_gallery,
                inputs=[
                    "champion",
                    "answers_over_rounds",
                    "scored_images",
                    "raw_images",
                    "params:reporting",
                ],
                outputs="image_gallery",
                name="gather_gallery",
            ),
            Node(
                describe_run,
                inputs=[
                    "run_facts",
                    "scored_images",
                    "simulated_scores",
                    "figures_over_rounds",
                    policy_name(0),
                    "params:model",
                    "params:seed",
                ],
                outputs="run_description",
                name="describe_run",
            ),
            Node(
                write_report,
                inputs={
                    "summary": "run_summary",
                    "changes": "iteration_changes",
                    "gallery": "image_gallery",
                    "pairs": "pairs_over_rounds",
                    "description": "run_description",
                    "data_check": "data_check",
                    **_RUN,
                },
                outputs=["report", "charts"],
                name="write_report",
            ),
        ],
        # One group in the graph; what it reads and makes belongs to no round.
        namespace="reporting",
        prefix_datasets_with_namespace=False,
    )
