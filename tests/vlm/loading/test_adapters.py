import pytest
import torch

from selfscore.merging.delta import delta
from selfscore.vlm.loading.adapters import concatenated
from selfscore.vlm.policy import LoraAdapter


def adapter(modules: list[str], rank: int, alpha: float, seed: int) -> LoraAdapter:
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for module in modules:
        prefix = f"base_model.model.{module}"
        tensors[f"{prefix}.lora_A.weight"] = torch.randn(rank, 5, generator=generator)
        tensors[f"{prefix}.lora_B.weight"] = torch.randn(7, rank, generator=generator)
    return LoraAdapter({"r": rank, "lora_alpha": alpha, "target_modules": modules}, tensors)


def test_a_stack_changes_each_layer_by_the_sum():
    parts = [adapter(["a", "b"], 2, 4, 0), adapter(["b", "c"], 3, 1.5, 1)]
    whole = concatenated(parts)
    assert whole.config["r"] == 5
    assert whole.config["target_modules"] == ["a", "b", "c"]
    for module in "abc":
        having = [part for part in parts if module in part.config["target_modules"]]
        expected = sum(delta(part, module) for part in having)
        torch.testing.assert_close(delta(whole, module), expected)
        down = whole.tensors[f"base_model.model.{module}.lora_A.weight"]
        assert down.shape == (5, 5)


@pytest.mark.parametrize("count", [1, 3])
def test_a_stack_of_equal_adapters_is_a_multiple(count):
    one = adapter(["a"], 2, 4, 0)
    torch.testing.assert_close(delta(concatenated([one] * count), "a"), count * delta(one, "a"))


@pytest.mark.parametrize("side", "AB")
def test_an_adapter_without_one_of_its_factors_is_refused(side):
    half = adapter(["a", "b"], 2, 4, 0)
    del half.tensors[f"base_model.model.b.lora_{side}.weight"]
    with pytest.raises(ValueError, match=f"not whole.*b.lora_{side}.weight"):
        concatenated([adapter(["a"], 2, 4, 1), half])
