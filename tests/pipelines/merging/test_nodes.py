from dataclasses import replace

import pytest
import torch
from cards import policy_over

from selfscore.merging.delta import delta, to_lora
from selfscore.merging.settings import MergeSettings
from selfscore.pipelines.merging.nodes import merge_experts, update_policy

SETTINGS = MergeSettings(
    **{
        "method": "ties",
        "weights": {"scoring": 1.0, "consistency": 1.0},
        "lambda": 1.0,
        "rank": 4,
        "density": 1.0,
        "gamma": 0.01,
        "epsilon": 0.15,
    }
)


def adapter(value: float):
    return to_lora({"layer": value * torch.eye(4)}, 4, "base")[0]


def test_the_next_policy_is_the_last_one_plus_the_merge():
    merged, energy = merge_experts(SETTINGS, 0, scoring=adapter(1.0), consistency=adapter(3.0))
    assert energy == {"layer": pytest.approx(1.0)}
    base = policy_over("base")
    first, report = update_policy(base, merged, energy, SETTINGS)
    second, _ = update_policy(first, merged, energy, SETTINGS)
    assert report == {
        "digest": first.digest,
        "energy_kept": pytest.approx(1.0),
        "energy_kept_per_layer": energy,
    }
    torch.testing.assert_close(delta(first.adapter, "layer"), 2 * torch.eye(4))
    torch.testing.assert_close(delta(second.adapter, "layer"), 4 * torch.eye(4))


def test_the_card_names_parent_scale_prompts_and_merge():
    base = policy_over("base", revision="abc")
    policy, _ = update_policy(base, adapter(1.0), {"layer": 1.0}, replace(SETTINGS, rank=2))
    assert policy.card.iteration == 1
    assert policy.card.parent == base.digest
    assert policy.card.base_model == base.card.base_model
    assert policy.card.score_scale == base.card.score_scale
    assert policy.card.merging["density"] == policy.card.merging["lambda"] == 1.0
    assert policy.card.prompts == base.card.prompts
    assert policy.card.energy_kept == pytest.approx(0.5)
