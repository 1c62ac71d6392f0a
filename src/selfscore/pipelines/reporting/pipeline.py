"""metrics and judgements of the baseline and every round → iteration_table, curve and figure."""

from typing import Any

from kedro.pipeline import Node, Pipeline

from selfscore.pipelines.reporting.nodes import (
    draw_iteration_curve,
    draw_iteration_figure,
    tabulate_iterations,
)


def create_pipeline(rounds: int = 1, **kwargs: Any) -> Pipeline:
    """The report over all rounds.

    Args:
        rounds: how many rounds there are beside the baseline, at least 1.
        kwargs: unused, part of Kedro's signature.
    """
    namespaces = ["baseline", *(f"iteration_{number}" for number in range(1, rounds + 1))]
    table = Node(
        tabulate_iterations,
        inputs=[
            "params:reporting",
            "params:seed",
            *(f"{namespace}.metrics" for namespace in namespaces),
            *(f"{namespace}.judgements" for namespace in namespaces),
        ],
        outputs="iteration_table",
        name="tabulate_iterations",
    )
    curve = Node(
        draw_iteration_curve,
        inputs=["iteration_table", "params:reporting"],
        outputs="iteration_curve",
        name="draw_iteration_curve",
    )
    figure = Node(
        draw_iteration_figure,
        inputs=["iteration_table", "params:reporting"],
        outputs="iteration_figure",
        name="draw_iteration_figure",
    )
    return Pipeline([table, curve, figure])
