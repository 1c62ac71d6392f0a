from collections.abc import Callable, Iterator
from graphlib import TopologicalSorter

import pytest
from kedro.pipeline import Node, Pipeline

from selfscore.pipelines.evaluation import create_pipeline
from selfscore.pipelines.iteration.pipeline import create_round

FIGURES = {"figures", "learning"}
SHARED = {
    "base_policy",
    "hosted_verdicts",
    "raw_images",
    "image_features",
    "edit_features",
    "scored_images",
    "consistency_judge",
    "reader_calibration",
    "attributes",
    "statement_lexicon",
}


def test_a_rounds_pipeline_reads_what_a_round_makes() -> None:
    template = create_pipeline()
    assert template.datasets() >= FIGURES and template.outputs() == {"pair_gallery"}
    assert template.inputs() == SHARED | {
        "policy",
        "next_policy",
        "scoring_adapter",
        "consistency_adapter",
        "generations",
        "preference_report",
        "scoring_training_log",
        "consistency_training_log",
        "merge_report",
        "params:evaluation",
        "params:reporting",
        "params:machine",
        "params:seed",
        "checkpoints",
    }


def test_the_baseline_needs_the_policy_alone() -> None:
    template = create_pipeline(policies=["base"])
    assert not {name for name in template.inputs() if "adapter" in name or name == "next_policy"}
    assert "base_predictions" in template.datasets()
    # It has learnt nothing.
    assert not {name for name in template.inputs() if name.endswith(("_report", "_log"))}


def test_any_experts_name_is_evaluated() -> None:
    template = create_pipeline(policies=["grounding", "merged"])
    assert "grounding_adapter" in template.inputs()
    assert {node.name for node in template.nodes} == {
        "predict_grounding",
        "predict_merged",
        "judge_explanations",
        "answer_edits_grounding",
        "answer_edits_merged",
        "find_mentions",
        "read_texts",
        "measure_policies",
        "measure_learning",
        "gather_pairs",
        "watch_health",
    }


def test_it_can_be_instantiated_per_round() -> None:
    instance = Pipeline(
        create_pipeline(),
        namespace="iteration_2",
        inputs={**{name: name for name in SHARED}, "policy": "policy_1", "next_policy": "policy_2"},
        parameters={"params:machine", "params:reporting", "params:seed"},
    )
    assert {"policy_1", "policy_2", "params:iteration_2.evaluation"} <= instance.inputs()
    assert {f"iteration_2.{name}" for name in FIGURES} <= instance.datasets()


def kedros_order(pipeline: Pipeline) -> list[Node]:
    return pipeline.nodes


def the_other_way_round(pipeline: Pipeline) -> list[Node]:
    """Of the nodes that may run next always the last by name, where Kedro takes the first."""

    def taken() -> Iterator[Node]:
        sorter = TopologicalSorter(pipeline.node_dependencies)
        sorter.prepare()
        ready: list[Node] = []
        while sorter.is_active():
            ready = sorted([*ready, *sorter.get_ready()], key=lambda node: node.name)
            yield (node := ready.pop())
            sorter.done(node)

    return list(taken())


@pytest.mark.parametrize("order", [kedros_order, the_other_way_round])
def test_a_breach_stops_the_run_after_the_figures(
    order: Callable[[Pipeline], list[Node]],
) -> None:
    nodes = order(create_round(1, ("scoring", "consistency"), written=True))
    watch = [node.name for node in nodes].index("iteration_1.watch_health")
    figures = {f"iteration_1.{name}" for name in FIGURES}
    assert figures <= {output for node in nodes[:watch] for output in node.outputs}


def test_a_breach_stops_the_run_before_the_next_round_is_trained() -> None:
    rounds = [create_round(number, ("scoring", "consistency"), written=False) for number in (1, 2)]
    order = [node.name for node in sum(rounds, Pipeline([])).nodes]
    watch = order.index("iteration_1.watch_health")
    assert watch < order.index("iteration_2.train_scoring_expert")
    assert watch < order.index("iteration_2.train_consistency_expert")
