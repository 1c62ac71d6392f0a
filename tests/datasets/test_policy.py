from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest
import torch
from cards import card
from kedro.io import DatasetError, Version

from selfscore.datasets.adapter import AdapterDataset
from selfscore.datasets.directory import MARKER
from selfscore.datasets.policy import PolicyDataset
from selfscore.vlm.policy import LoraAdapter, Policy

CARD = card("base", iteration=1)


def an_adapter(seed: int = 0) -> LoraAdapter:
    random = torch.Generator().manual_seed(seed)
    module = "base_model.model.model.layers.0.self_attn.q_proj"
    return LoraAdapter(
        config={
            "peft_type": "LORA",
            "r": 2,
            "lora_alpha": 2,
            "target_modules": ["q_proj"],
            "base_model_name_or_path": "base",
        },
        tensors={
            f"{module}.lora_A.weight": torch.randn(2, 8, generator=random),
            f"{module}.lora_B.weight": torch.randn(8, 2, generator=random),
        },
    )


def content(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*.*")}


def test_adapter_comes_back(tmp_path: Path) -> None:
    dataset = AdapterDataset(filepath=str(tmp_path / "adapter"))
    assert not dataset.exists()
    saved = an_adapter()

    dataset.save(saved)
    loaded = dataset.load()

    assert dataset.exists()
    assert loaded.config == saved.config
    assert loaded.tensors.keys() == saved.tensors.keys()
    for name, tensor in saved.tensors.items():
        assert torch.equal(loaded.tensors[name], tensor)


def test_same_adapter_gives_same_bytes(tmp_path: Path) -> None:
    turned = an_adapter()
    turned = LoraAdapter(
        dict(reversed(turned.config.items())), dict(reversed(turned.tensors.items()))
    )
    AdapterDataset(filepath=str(tmp_path / "one")).save(an_adapter())
    AdapterDataset(filepath=str(tmp_path / "two")).save(turned)
    AdapterDataset(filepath=str(tmp_path / "other")).save(an_adapter(seed=1))

    assert content(tmp_path / "one") == content(tmp_path / "two")
    assert content(tmp_path / "one") != content(tmp_path / "other")


def test_policy_with_and_without_adapter(tmp_path: Path) -> None:
    base = PolicyDataset(filepath=str(tmp_path / "policy_0"))
    trained = PolicyDataset(filepath=str(tmp_path / "policy_1"))

    base.save(Policy(CARD, None))
    trained.save(Policy(CARD, an_adapter()))

    assert base.load().adapter is None
    assert base.load().card == CARD
    assert trained.load().digest == Policy(CARD, an_adapter()).digest


def test_stored_policy_loads_with_plain_peft(tmp_path: Path) -> None:
    from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=16,
        hidden_size=8,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
    )
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(tmp_path / "base")
    lora = LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False)
    expert = get_peft_model(LlamaForCausalLM.from_pretrained(tmp_path / "base"), lora)
    ids = torch.arange(5)[None]
    expected = expert(ids).logits
    settings = lora.to_dict() | {"base_model_name_or_path": "base", "peft_type": "LORA"}
    settings["target_modules"] = sorted(settings["target_modules"])
    settings["task_type"] = None
    adapter = LoraAdapter(
        json.loads(json.dumps(settings, default=str)), get_peft_model_state_dict(expert)
    )

    PolicyDataset(filepath=str(tmp_path / "policy_1")).save(Policy(CARD, adapter))
    base = LlamaForCausalLM.from_pretrained(tmp_path / "base")
    loaded = PeftModel.from_pretrained(base, str(tmp_path / "policy_1"))

    assert torch.allclose(loaded(ids).logits, expected, atol=1e-6)
    assert not torch.allclose(
        expected, LlamaForCausalLM.from_pretrained(tmp_path / "base")(ids).logits
    )


def test_saving_again_replaces_all_of_it(tmp_path: Path) -> None:
    dataset = PolicyDataset(filepath=str(tmp_path / "policy"))
    dataset.save(Policy(CARD, an_adapter()))
    dataset.save(Policy(CARD, None))

    assert dataset.load().adapter is None
    assert [path.name for path in tmp_path.iterdir()] == ["policy"]


def test_failed_save_leaves_what_was_there(tmp_path: Path) -> None:
    dataset = PolicyDataset(filepath=str(tmp_path / "policy"))
    dataset.save(Policy(CARD, None))

    with pytest.raises(DatasetError):
        dataset.save(Policy(replace(CARD, merging={"not": object()}), an_adapter()))

    assert dataset.load().card == CARD
    assert [path.name for path in tmp_path.iterdir()] == ["policy"]


KILLED = """
import os, sys
from pathlib import Path
from selfscore.datasets import directory
import fsspec

def fill(folder):
    (folder / "adapter_config.json").write_text("{}")
    os._exit(9)  # what kill -9 does: no clean-up

directory.write_directory(fsspec.filesystem("file"), sys.argv[1], fill)
"""


def test_killed_save_does_not_exist(tmp_path: Path, project: Path) -> None:
    target = tmp_path / "adapter" / "v1" / "adapter"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(target)],
        env={"PYTHONPATH": str(project / "src"), "PATH": "/usr/bin"},
        check=False,
    )
    assert done.returncode == 9

    dataset = AdapterDataset(filepath=str(tmp_path / "adapter"), version=Version(None, None))

    assert list((tmp_path / "adapter" / "v1").iterdir())  # the remains are there
    assert not dataset.exists()
    with pytest.raises(DatasetError, match="Did not find any versions"):
        dataset.load()


def test_half_written_version_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "adapter"
    AdapterDataset(filepath=str(path), version=Version(None, "v1")).save(an_adapter())
    AdapterDataset(filepath=str(path), version=Version(None, "v2")).save(an_adapter(seed=1))
    (path / "v2" / "adapter" / MARKER).unlink()

    dataset = AdapterDataset(filepath=str(path), version=Version(None, None))

    assert dataset.list_versions(full_path=False) == ["v1"]
    assert torch.equal(
        next(iter(dataset.load().tensors.values())), next(iter(an_adapter().tensors.values()))
    )


def test_folder_without_marker_is_not_loaded(tmp_path: Path) -> None:
    dataset = AdapterDataset(filepath=str(tmp_path / "adapter"))
    dataset.save(an_adapter())
    (tmp_path / "adapter" / MARKER).unlink()
    with pytest.raises(DatasetError, match="no complete adapter.*run the pipeline"):
        dataset.load()


@pytest.mark.parametrize("damage", ["change", "remove"])
def test_damaged_file_is_named(tmp_path: Path, damage: str) -> None:
    dataset = AdapterDataset(filepath=str(tmp_path / "adapter"))
    dataset.save(an_adapter())
    file = tmp_path / "adapter" / "adapter_model.safetensors"
    if damage == "remove":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-1] + b"\x00")
    with pytest.raises(DatasetError, match=r"adapter_model\.safetensors.*remove the folder"):
        dataset.load()


def test_saved_version_is_never_overwritten(tmp_path: Path) -> None:
    dataset = AdapterDataset(filepath=str(tmp_path / "adapter"), version=Version(None, "v1"))
    dataset.save(an_adapter())
    with pytest.raises(DatasetError, match="must not exist"):
        dataset.save(an_adapter())


def test_other_file_systems(tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    dataset = PolicyDataset(filepath="memory:///policies/policy_1", version=Version(None, "v1"))
    dataset.save(Policy(CARD, an_adapter()))

    assert dataset.load().digest == Policy(CARD, an_adapter()).digest
    assert dataset.list_versions(full_path=False) == ["v1"]

    memory.rm(f"/policies/policy_1/v1/policy_1/{MARKER}")
    assert not dataset.exists()
    dataset.save(Policy(CARD, None))
    assert dataset.load().adapter is None
