import json
from pathlib import Path
from typing import Any

import pytest
from peft import LoraConfig
from safetensors.torch import save_file

from selfscore.datasets.adapter import CONFIG, WEIGHTS, read_adapter


@pytest.mark.parametrize(
    "config",
    [
        *([], None, 3, {}, {"r": 8}),
        {"r": 0, "lora_alpha": 1, "target_modules": ["a"]},
        {"r": 8, "lora_alpha": "1", "target_modules": ["a"]},
        {"r": 8, "lora_alpha": 1, "target_modules": "all-linear"},
    ],
)
def test_a_configuration_of_no_lora_is_named(tmp_path: Path, config: object) -> None:
    (tmp_path / CONFIG).write_text(json.dumps(config))
    with pytest.raises(ValueError, match=f"{CONFIG}' is no configuration of a LoRA"):
        read_adapter(tmp_path)


@pytest.mark.parametrize(
    "more",
    [
        {"use_rslora": True},
        {"use_dora": True},
        {"rank_pattern": {"a": 2}},
        {"alpha_pattern": {"a": 2}},
        {"bias": "all"},
        {"init_lora_weights": "pissa"},
        {"fan_in_fan_out": True},
        {"modules_to_save": ["head"]},
    ],
)
def test_what_is_more_than_a_plain_lora_is_refused(tmp_path: Path, more: dict[str, Any]) -> None:
    written = LoraConfig(r=4, target_modules=["a"]).to_dict() | {"target_modules": ["a"]}
    save_file({}, tmp_path / WEIGHTS)
    (tmp_path / CONFIG).write_text(json.dumps(written))
    # All that PEFT itself writes of a plain one is taken.
    assert read_adapter(tmp_path).config == written
    (tmp_path / CONFIG).write_text(json.dumps(written | more))
    with pytest.raises(ValueError, match=f"sets `{next(iter(more))}`.*plain LoRA"):
        read_adapter(tmp_path)
