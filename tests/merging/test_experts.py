import pytest
import torch

from selfscore.merging.delta import delta, to_lora
from selfscore.merging.experts import MergeSettings, accumulate, merge_adapters


def adapter(value: float, modules=("a", "b"), rank: int = 2):
    return to_lora({m: value * torch.eye(4) for m in modules}, rank, "base")[0]


def settings(**changes):
    values = {
        "method": "ties",
        "density": 1.0,
        "weights": {"scoring": 1.0, "consistency": 1.0},
        "lambda_": 1.0,
        "rank": 4,
    }
    return MergeSettings(**values | changes)


def test_merge_takes_any_number_of_experts():
    experts = {"scoring": adapter(1.0), "consistency": adapter(2.0), "grounding": adapter(3.0)}
    weights = dict.fromkeys(experts, 1.0)
    merged, energy = merge_adapters(experts, settings(weights=weights, lambda_=0.5))
    mean = sum(delta(expert, "a") for expert in experts.values()) / 3
    torch.testing.assert_close(delta(merged, "a"), 0.5 * mean)
    assert set(energy) == {"a", "b"}


def test_accumulate_adds_to_the_parent_and_needs_none():
    update = adapter(1.0, rank=4)
    first, _ = accumulate(None, update, rank=4)
    torch.testing.assert_close(delta(first, "a"), delta(update, "a"))
    second, energy = accumulate(first, update, rank=4)
    torch.testing.assert_close(delta(second, "b"), 2 * torch.eye(4))
    assert energy["a"] == pytest.approx(1.0)


def test_experts_on_different_layers_are_named():
    experts = {"scoring": adapter(1.0), "consistency": adapter(1.0, modules=("a",))}
    with pytest.raises(ValueError, match="'scoring' and 'consistency' do not adapt the same"):
        merge_adapters(experts, settings())


def test_an_expert_without_weight_is_named():
    with pytest.raises(ValueError, match="no weight for the expert 'grounding'"):
        merge_adapters({"grounding": adapter(1.0)}, settings())


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"method": "tees"}, "Unknown `merging.method` 'tees'"), ({"density": 0.0}, "density")],
)
def test_bad_settings(changes, message):
    with pytest.raises(ValueError, match=message):
        settings(**changes)
