"""A run's tables → run_figures, run_examples; and records of many runs → experiment_pages."""

from typing import Any

from kedro.pipeline import Node, Pipeline

from selfscore.pipelines.baseline import NAMESPACE as BASELINE
from selfscore.pipelines.experiments.nodes import collect_runs, write_pages
from selfscore.pipelines.experiments.record import collect_figures, describe_forced_texts
from selfscore.pipelines.iteration.rounds import namespace

_FIGURES = ("metrics", "consistency", "judge_agreement", "health")


def create_pipeline(**kwargs: Any) -> Pipeline:
    """The experiments' pages, from what benchmarks.experiments kept of its runs."""
    return Pipeline(
        [
            Node(
                collect_runs,
                inputs=["recorded_figures", "recorded_runs"],
                outputs="experiment_figures",
                name="collect_runs",
            ),
            Node(
                write_pages,
                inputs=[
                    "experiment_figures",
                    "recorded_runs",
                    "recorded_examples",
                    "params:experiments",
                ],
                outputs="experiment_pages",
                name="write_pages",
            ),
        ]
    )


def create_record(rounds: int) -> Pipeline:
    """What is kept of one run.

    Args:
        rounds: number of its rounds; 0: the baseline alone.
    """
    places = [BASELINE, *map(namespace, range(1, rounds + 1))]
    tables = {
        f"{kind}_{number}": f"{place}.{kind}"
        for number, place in enumerate(places)
        for kind in (*_FIGURES, *(["preference_report"] if number else []))
    }
    figures = Node(
        collect_figures,
        inputs={
            "split": "params:experiments.split",
            "forced_text_figures_0": "forced_text_figures",
            **tables,
        },
        outputs="run_figures",
        name="collect_figures",
    )
    texts = Node(
        describe_forced_texts,
        inputs={
            "generations": f"{BASELINE}.generations",
            "forced_judgements": f"{BASELINE}.forced_judgements",
            "scored_images": "scored_images",
            "consistency_judge": f"{BASELINE}.consistency_judge",
            "evaluation": "params:evaluation",
            "examples": "params:experiments.examples",
            "seed": "params:seed",
        },
        outputs=["forced_text_figures", "run_examples"],
        name="describe_forced_texts",
    )
    return Pipeline([figures, texts])
