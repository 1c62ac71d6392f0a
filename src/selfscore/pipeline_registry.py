"""Every pipeline that `kedro run --pipelines=…` knows."""

from importlib.util import find_spec

from kedro.pipeline import Pipeline

from selfscore.configuration.layout import CPU, GPU, STAGES, policy_name
from selfscore.configuration.loader import current
from selfscore.pipelines import (
    baseline,
    ingestion,
    iteration,
    reporting,
    review,
    scoring,
    study,
)


def register_pipelines() -> dict[str, Pipeline]:
    """Pipelines by name.

    `iteration` is everything; the name of a stage is that stage of every round, so that
    `--pipelines=evaluation --namespaces=iteration_2` runs one stage of one round.
    """
    layout = current()
    rounds = layout.rounds
    whole = _with_resources(iteration.create_pipeline(layout))
    others = {
        "ingestion": ingestion.create_pipeline(),
        "baseline": baseline.create_pipeline(layout.experts),
        "reporting": reporting.create_pipeline(rounds=rounds),
        "review": review.create_pipeline(layout),
        "study": study.create_pipeline(layout),
        "scoring": scoring.create_pipeline(policy=policy_name(rounds)),
        **_demo(),
    }
    return {
        "__default__": whole,
        "iteration": whole,
        **{stage: whole.only_nodes_with_tags(stage) for stage in STAGES},
        **{name: _with_resources(pipeline) for name, pipeline in others.items()},
    }


def _with_resources(pipeline: Pipeline) -> Pipeline:
    """The nodes with the tag `gpu` where they load a model, and `cpu` elsewhere."""
    loads = "params:machine"
    return Pipeline([node.tag(GPU if loads in node.inputs else CPU) for node in pipeline.nodes])


def _demo() -> dict[str, Pipeline]:
    """What makes the demo; it is no part of the installed package."""
    if find_spec("selfscore_demo") is None:
        return {}
    from selfscore_demo.pipelines import demo_images, demo_model

    return {
        "demo_images": demo_images.create_pipeline(),
        "demo_model": demo_model.create_pipeline(),
    }
