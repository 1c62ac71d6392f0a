"""The round template, instantiated once per round: policy_{k-1} → iteration_k → policy_k."""

from collections.abc import Sequence

from kedro.pipeline import Pipeline

from selfscore.configuration.layout import LEVEL, STAGES, Layout, namespace, of_pairs, policy_name
from selfscore.pipelines import (
    baseline,
    data_generation,
    dpo_training,
    evaluation,
    ingestion,
    level_training,
    merging,
    preference_building,
    reporting,
)
from selfscore.pipelines.checkpoints import with_checkpoints
from selfscore.preference_data.builders import needs_free_texts


def create_pipeline(layout: Layout) -> Pipeline:
    """Ingestion, baseline, every round, and the report over the rounds.

    Args:
        layout: how many rounds there are, and which experts they have.
    """
    return sum(
        (
            create_round(number, layout.experts, written=number == 1 and layout.base_texts)
            for number in range(1, layout.rounds + 1)
        ),
        ingestion.create_pipeline()
        + baseline.create_pipeline(layout.experts)
        + reporting.create_pipeline(rounds=layout.rounds),
    )


def create_round(number: int, experts: Sequence[str], written: bool) -> Pipeline:
    """One walk through the stages; all it takes from another round is the policy before it.

    Args:
        number: of the round, counted from 1.
        experts: names of the experts it trains, merges and evaluates.
        written: whether the baseline has the texts that this round learns from.
    """
    stages = {
        "data_generation": data_generation.create_pipeline(
            forced_texts=not written, free_texts=needs_free_texts(of_pairs(experts))
        ),
        "preference_building": preference_building.create_pipeline(experts),
        "dpo_training": dpo_training.create_pipeline(of_pairs(experts)),
        "level_training": level_training.create_pipeline(experts),
        "merging": merging.create_pipeline(experts),
        "evaluation": evaluation.create_pipeline(policies=[*experts, "merged"]),
    }
    return Pipeline(
        with_checkpoints(Pipeline([Pipeline(stages[stage], tags=stage) for stage in STAGES])),
        namespace=namespace(number),
        inputs={
            "policy": policy_name(number - 1),
            "raw_images": "raw_images",
            "scored_images": "scored_images",
            "image_features": f"{namespace(0)}.image_features",
            "edit_features": f"{namespace(0)}.edit_features",
            **({"second_opinions": f"{namespace(0)}.second_opinions"} if LEVEL in experts else {}),
            "consistency_judge": f"{namespace(0)}.consistency_judge",
            "reader_calibration": f"{namespace(0)}.reader_calibration",
            "base_policy": "policy_0",
            "hosted_verdicts": "hosted_verdicts",
            "attributes": "attributes",
            "statement_lexicon": "statement_lexicon",
            **({"generations": f"{namespace(0)}.generations"} if written else {}),
        },
        outputs={"next_policy": policy_name(number)},
        parameters={"params:seed", "params:machine", "params:reporting"},
    )
