"""LoRA adapters in PEFT's own folder layout."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from selfscore.datasets.directory import DirectoryDataset, read_json, write_json

if TYPE_CHECKING:
    from selfscore.vlm.policy import LoraAdapter

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"


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
    if not isinstance(config, dict) or not {"r", "lora_alpha", "target_modules"} <= config.keys():
        raise ValueError(
            f"'{folder / CONFIG}' is no configuration of a LoRA: get the adapter again, or make it "
            "again."
        )
    return LoraAdapter(config=config, tensors=load_file(folder / WEIGHTS))


def write_adapter(adapter: LoraAdapter, folder: Path) -> None:
    """Write an adapter into a local folder."""
    from safetensors.torch import save_file

    write_json(adapter.config, folder / CONFIG)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in adapter.tensors.items()}
    # PEFT refuses weights that do not say which framework wrote them.
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
