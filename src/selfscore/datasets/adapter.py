"""LoRA adapters in PEFT's own folder layout."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfscore.datasets.directory import DirectoryDataset, read_json, write_json

if TYPE_CHECKING:
    from selfscore.vlm.policy import LoraAdapter

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
# What PEFT may say of a plain LoRA; whatever else it says of one is false or empty.
_PLAIN = {"peft_type": "LORA", "bias": "none", "init_lora_weights": True}
_OF_ANY_VALUE = {
    *("r", "lora_alpha", "lora_dropout", "target_modules"),
    *("base_model_name_or_path", "revision", "task_type", "auto_mapping", "inference_mode"),
    *("peft_version", "megatron_core", "qalora_group_size"),
}


class AdapterDataset(DirectoryDataset["LoraAdapter"]):
    """A LoRA adapter: `adapter_config.json` and `adapter_model.safetensors`.

    `PeftModel.from_pretrained(base, folder)` loads the folder as it is. The same adapter always
    gives the same bytes.
    """

    kind = "adapter"

    def _read(self, folder: Path) -> LoraAdapter:
        return read_adapter(folder)

    def _write(self, data: LoraAdapter, folder: Path) -> None:
        write_adapter(data, folder)


def read_adapter(folder: Path) -> LoraAdapter:
    """Read an adapter from a local folder, onto the CPU.

    Raises:
        ValueError: its configuration is none of a LoRA.
    """
    from safetensors.torch import load_file

    from selfscore.vlm.policy import LoraAdapter

    config = read_json(folder / CONFIG)
    if not _is_of_lora(config):
        raise ValueError(
            f"'{folder / CONFIG}' is no configuration of a LoRA: get the adapter again, or make it "
            "again."
        )
    if more := [name for name, value in config.items() if not _is_plain(name, value)]:
        raise ValueError(
            f"'{folder / CONFIG}' sets `{more[0]}`, and here an adapter is a plain LoRA, whose "
            "change of a layer is lora_alpha / r times B times A: train it without that."
        )
    return LoraAdapter(config=config, tensors=load_file(folder / WEIGHTS))


def _is_of_lora(config: Any) -> bool:
    """Whether it has what a LoRA needs, of the right types."""
    if not isinstance(config, dict) or not {"r", "lora_alpha", "target_modules"} <= config.keys():
        return False
    rank, alpha, modules = config["r"], config["lora_alpha"], config["target_modules"]
    return (
        type(rank) is int
        and rank > 0
        and type(alpha) in (int, float)
        and isinstance(modules, list)
        and all(isinstance(name, str) for name in modules)
    )


def _is_plain(name: str, value: Any) -> bool:
    """Whether the adapter computes the same with and without this."""
    return name in _OF_ANY_VALUE or not value or value == _PLAIN.get(name)


def write_adapter(adapter: LoraAdapter, folder: Path) -> None:
    """Write an adapter into a local folder."""
    from safetensors.torch import save_file

    write_json(adapter.config, folder / CONFIG)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in adapter.tensors.items()}
    # PEFT refuses weights that do not say which framework wrote them.
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
