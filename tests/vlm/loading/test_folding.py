"""Folding is PEFT's, to the last bit, and does not need PEFT."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model, set_peft_model_state_dict
from transformers import AutoModelForImageTextToText

from selfscore.expert_training.targets import lora_targets
from selfscore.vlm.loading.folding import fold
from selfscore.vlm.policy import LoraAdapter


def an_adapter(model: torch.nn.Module, targets: str, dtype: torch.dtype) -> LoraAdapter:
    """Random factors of rank 3 with alpha 5."""
    generator = torch.Generator().manual_seed(0)
    tensors = {}
    names = lora_targets(model, targets)
    for name in names:
        outputs, inputs = model.get_submodule(name).weight.shape
        for side, shape in (("A", (3, inputs)), ("B", (outputs, 3))):
            values = torch.randn(shape, generator=generator).to(dtype)
            tensors[f"base_model.model.{name}.lora_{side}.weight"] = values
    config = {
        "peft_type": "LORA",
        "base_model_name_or_path": "base",
        "r": 3,
        "lora_alpha": 5,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": sorted(names),
    }
    return LoraAdapter(config, tensors)


@pytest.mark.parametrize("targets", ["language_model", "whole_model"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("of_adapter", [torch.float32, torch.bfloat16])
def test_the_weights_are_those_of_peft(policy, targets, dtype, of_adapter):
    ours, theirs = (
        AutoModelForImageTextToText.from_pretrained(policy.base_model, dtype=dtype)
        for _ in range(2)
    )
    adapter = an_adapter(ours, targets, of_adapter)
    before = {name: weight.clone() for name, weight in ours.state_dict().items()}
    fold(ours, adapter)
    beside = get_peft_model(theirs, LoraConfig(**adapter.config))
    set_peft_model_state_dict(beside, adapter.tensors)
    expected = beside.merge_and_unload().state_dict()
    found = ours.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in found)
    changed = {name for name in found if not torch.equal(found[name], before[name])}
    assert changed == {f"{name}.weight" for name in adapter.config["target_modules"]}


def test_a_policy_is_loaded_and_scores_without_peft(project: Path):
    code = (
        "import sys\n"
        "import selfscore.scoring.scorer, selfscore.vlm.loading.loader\n"
        "import selfscore.vlm.writing.prediction, selfscore.vlm.writing.grammar\n"
        "sys.exit('peft' in sys.modules or 'mlflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=project).returncode == 0
