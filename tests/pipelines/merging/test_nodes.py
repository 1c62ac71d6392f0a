from dataclasses import replace

import pandas as pd
import pytest
import stage_settings
import torch
from cards import policy_over

from selfscore.merging.delta import delta, to_lora
from selfscore.pipelines.merging.nodes import merge_experts, update_policy

EQUAL = {"scoring": 1.0, "consistency": 1.0}
SETTINGS = stage_settings.merging(method="linear", rank=4, density=1.0, weights=EQUAL)
AS_IT_IS = pd.DataFrame({"lambda": [1.0], "chosen": [True]})


def adapter(value: float):
    return to_lora({"layer": value * torch.eye(4)}, 4, "base")[0]


def test_the_next_policy_is_the_last_one_plus_the_merge():
    merged, energy = merge_experts(SETTINGS, 0, scoring=adapter(1.0), consistency=adapter(3.0))
    assert energy == {"layer": pytest.approx(1.0)}
    base = policy_over("base")
    first, report = update_policy(base, merged, energy, AS_IT_IS, SETTINGS)
    second, _ = update_policy(first, merged, energy, AS_IT_IS, SETTINGS)
    assert report == {
        "digest": first.digest,
        "lambda": 1.0,
        "strengths": [],
        "energy_kept": pytest.approx(1.0),
        "energy_kept_per_layer": energy,
    }
    torch.testing.assert_close(delta(first.adapter, "layer"), 2 * torch.eye(4))
    torch.testing.assert_close(delta(second.adapter, "layer"), 4 * torch.eye(4))


def test_the_card_names_parent_scale_prompts_and_merge():
    base = policy_over("base", revision="abc")
    policy, _ = update_policy(
        base, adapter(1.0), {"layer": 1.0}, AS_IT_IS, replace(SETTINGS, rank=2)
    )
    assert policy.card.iteration == 1
    assert policy.card.parent == base.digest
    assert policy.card.base_model == base.card.base_model
    assert policy.card.score_scale == base.card.score_scale
    assert policy.card.merging["density"] == policy.card.merging["lambda"] == 1.0
    assert policy.card.prompts == base.card.prompts
    assert policy.card.energy_kept == pytest.approx(0.5)
    # Where PEFT looks for it; a folder has none.
    assert policy.adapter.config["revision"] == "abc"
    of_folder, _ = update_policy(
        policy_over("base"), adapter(1.0), {"layer": 1.0}, AS_IT_IS, SETTINGS
    )
    assert "revision" not in of_folder.adapter.config


def test_the_strength_that_was_chosen_is_put_on_the_policy_and_told():
    merged, energy = merge_experts(SETTINGS, 0, scoring=adapter(1.0), consistency=adapter(1.0))
    strengths = pd.DataFrame(
        {
            "lambda": [0.0, 0.5, 2.0],
            "srcc": [float("nan"), 0.4, 0.7],
            "format_valid": [1.0, float("nan"), 1.0],
            "consistency": [0.8, float("nan"), 0.9],
            "chosen": [False, False, True],
        }
    )
    base = policy_over("base")
    auto = replace(SETTINGS, lambda_="auto")
    policy, report = update_policy(base, merged, energy, strengths, auto)
    torch.testing.assert_close(delta(policy.adapter, "layer"), 2 * torch.eye(4))
    assert policy.card.merging["lambda"] == report["lambda"] == 2.0
    assert "strength" not in policy.card.merging
    assert report["strengths"][1] == {
        "lambda": 0.5,
        "srcc": 0.4,
        "format_valid": None,
        "consistency": None,
        "chosen": False,
    }
