from kedro.pipeline import Pipeline

from selfscore.pipelines.evaluation import create_pipeline


def test_a_rounds_pipeline_reads_what_a_round_makes() -> None:
    template = create_pipeline()
    assert template.outputs() == {"metrics"}
    assert template.inputs() == {
        "policy",
        "next_policy",
        "scoring_adapter",
        "consistency_adapter",
        "raw_images",
        "image_features",
        "scored_images",
        "score_scale",
        "consistency_judge",
        "severities",
        "statement_lexicon",
        "params:evaluation",
        "params:prompts",
        "params:seed",
    }


def test_the_baseline_needs_the_policy_alone() -> None:
    template = create_pipeline(policies=["base"])
    assert not {name for name in template.inputs() if "adapter" in name or name == "next_policy"}
    assert "base_predictions" in template.datasets()


def test_any_experts_name_is_evaluated() -> None:
    template = create_pipeline(policies=["grounding", "merged"])
    assert "grounding_adapter" in template.inputs()
    assert {node.name for node in template.nodes} == {
        "predict_grounding",
        "predict_merged",
        "judge_explanations",
        "measure_policies",
    }


def test_it_can_be_instantiated_per_round() -> None:
    shared = {"raw_images", "image_features", "scored_images", "score_scale", "consistency_judge"}
    shared |= {"severities", "statement_lexicon"}
    instance = Pipeline(
        create_pipeline(),
        namespace="iteration_2",
        inputs={**{name: name for name in shared}, "policy": "policy_1", "next_policy": "policy_2"},
        parameters={"params:prompts": "params:prompts", "params:seed": "params:seed"},
    )
    assert {"policy_1", "policy_2", "params:iteration_2.evaluation"} <= instance.inputs()
    assert instance.outputs() == {"iteration_2.metrics"}
