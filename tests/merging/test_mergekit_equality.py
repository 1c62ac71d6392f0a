"""TIES on ΔW must be what mergekit's own run gives on whole, materialised checkpoints."""

import pytest
import tiny_vlm
import torch
from mergekit.config import MergeConfiguration
from mergekit.merge import MergeOptions, run_merge
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText

from selfscore.merging.delta import delta
from selfscore.merging.methods import MERGE_METHODS
from selfscore.vlm.loading import fold
from selfscore.vlm.policy import LoraAdapter

RANK = 4


def random_expert(model, seed: int) -> LoraAdapter:
    """A LoRA of random values on every linear layer of the language model."""
    generator = torch.Generator().manual_seed(seed)
    tensors, modules = {}, []
    for name, module in model.named_modules():
        if "language_model.layers" in name and isinstance(module, torch.nn.Linear):
            modules.append(name)
            shapes = {"A": (RANK, module.in_features), "B": (module.out_features, RANK)}
            for side, shape in shapes.items():
                key = f"base_model.model.{name}.lora_{side}.weight"
                tensors[key] = 0.2 * torch.randn(shape, generator=generator)
    config = {
        "peft_type": "LORA",
        "r": RANK,
        "lora_alpha": 8,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": modules,
    }
    return LoraAdapter(config, tensors)


@pytest.mark.parametrize(
    ("method", "density", "weights"),
    [("ties", 0.5, [1.0, 1.0]), ("ties", 0.3, [0.7, 1.3]), ("task_arithmetic", 1.0, [0.6, 0.4])],
)
def test_equals_run_merge_on_checkpoints(tmp_path, method, density, weights):
    folder = tiny_vlm.save_llava(tmp_path / "hub")
    base = AutoModelForImageTextToText.from_pretrained(folder)
    # The legacy layout would make mergekit lose the language model silently.
    base.save_pretrained(tmp_path / "base", save_original_format=False)
    experts = [random_expert(base, seed) for seed in (1, 2)]
    for number, expert in enumerate(experts):
        model = AutoModelForImageTextToText.from_pretrained(folder)
        folded = fold(model, expert)
        folded.save_pretrained(tmp_path / f"expert_{number}", save_original_format=False)

    per_model = {
        "ties": [{"density": density, "weight": weight} for weight in weights],
        "task_arithmetic": [{"weight": weight} for weight in weights],
    }[method]
    config = MergeConfiguration.model_validate(
        {
            "merge_method": method,
            "base_model": str(tmp_path / "base"),
            "models": [
                {"model": str(tmp_path / f"expert_{i}"), "parameters": parameters}
                for i, parameters in enumerate(per_model)
            ],
            "dtype": "float32",
        }
    )
    run_merge(config, str(tmp_path / "merged"), options=MergeOptions(quiet=True))

    theirs = load_file(next((tmp_path / "merged").glob("*.safetensors")))
    before = load_file(tmp_path / "base" / "model.safetensors")
    assert set(theirs) == set(before), "mergekit lost tensors"
    for module in experts[0].config["target_modules"]:
        deltas = [delta(expert, module) for expert in experts]
        ours = before[f"{module}.weight"] + MERGE_METHODS[method](deltas, weights, density)
        torch.testing.assert_close(ours, theirs[f"{module}.weight"], rtol=0, atol=1e-6)
