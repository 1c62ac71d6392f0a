"""seed_tables, seed_runs → seed_figures → seed_summary → results_page, results_figure."""

from typing import Any

from kedro.pipeline import Node, Pipeline

from selfscore.pipelines.results.nodes import (
    collect_seeds,
    draw_results_figure,
    summarize_seeds,
    write_results_page,
)


def create_pipeline(**kwargs: Any) -> Pipeline:
    """The page of results, from what benchmarks.seeds kept of its runs."""
    return Pipeline(
        [
            Node(
                collect_seeds,
                inputs=["seed_tables", "seed_runs"],
                outputs="seed_figures",
                name="collect_seeds",
            ),
            Node(
                summarize_seeds,
                inputs="seed_figures",
                outputs="seed_summary",
                name="summarize_seeds",
            ),
            Node(
                write_results_page,
                inputs=["seed_figures", "seed_summary", "seed_runs", "params:results"],
                outputs="results_page",
                name="write_results_page",
            ),
            Node(
                draw_results_figure,
                inputs=["seed_summary", "params:results"],
                outputs="results_figure",
                name="draw_results_figure",
            ),
        ]
    )
