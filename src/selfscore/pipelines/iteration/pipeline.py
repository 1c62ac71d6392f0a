"""The round template, instantiated once per round: policy_{k-1} → iteration_k → policy_k."""

from typing import Any

from kedro.pipeline import Pipeline

from selfscore.pipelines import (
    baseline,
    data_generation,
    dpo_training,
    evaluation,
    ingestion,
    merging,
    preference_building,
    reporting,
)
from selfscore.pipelines.iteration.rounds import STAGES, configured, namespace

EXPERTS = ("scoring", "consistency")


def create_pipeline(**kwargs: Any) -> Pipeline:
    """Ingestion, baseline, as many rounds as `rounds` says, and the report."""
    rounds = configured()
    return sum(
        (create_round(number) for number in range(1, rounds + 1)),
        ingestion.create_pipeline()
        + baseline.create_pipeline()
        + reporting.create_pipeline(rounds=rounds),
    )


def create_round(number: int) -> Pipeline:
    """One walk through the five stages; all it takes from another round is the policy before it."""
    stages = {
        "data_generation": data_generation.create_pipeline(),
        "preference_building": preference_building.create_pipeline(EXPERTS),
        "dpo_training": dpo_training.create_pipeline(EXPERTS),
        "merging": merging.create_pipeline(EXPERTS),
        "evaluation": evaluation.create_pipeline(policies=[*EXPERTS, "merged"]),
    }
    return Pipeline(
        [Pipeline(stages[stage], tags=stage) for stage in STAGES],
        namespace=namespace(number),
        inputs={
            "policy": f"policy_{number - 1}",
            "raw_images": "raw_images",
            "scored_images": "scored_images",
            "score_scale": "score_scale",
            "image_features": f"{baseline.NAMESPACE}.image_features",
            "consistency_judge": f"{baseline.NAMESPACE}.consistency_judge",
            "base_policy": "policy_0",
            "hosted_verdicts": "hosted_verdicts",
            "severities": "severities",
            "statement_lexicon": "statement_lexicon",
        },
        outputs={"next_policy": f"policy_{number}"},
        parameters={"params:seed", "params:prompts"},
    )
