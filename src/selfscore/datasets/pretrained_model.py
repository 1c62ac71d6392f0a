"""Whole models with their processors, in the folder layout of `save_pretrained`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfscore.datasets.directory import DirectoryDataset

if TYPE_CHECKING:
    from selfscore.vlm.model import VLM


class PretrainedModelDataset(DirectoryDataset["VLM"]):
    """A model and its processor; the weights are stored in half precision and loaded in single.

    `AutoModelForImageTextToText` and `AutoProcessor` load the folder as it is.
    """

    kind = "model"

    def _read(self, folder: Path) -> VLM:
        import torch
        from transformers import AutoModelForImageTextToText

        from selfscore.vlm.loading.processor import load_processor
        from selfscore.vlm.model import VLM

        # Where nothing is said of remote code, transformers asks whether to run it.
        options: Any = {"local_files_only": True, "trust_remote_code": False}
        model = AutoModelForImageTextToText.from_pretrained(
            folder, dtype=torch.float32, use_safetensors=True, **options
        )
        return VLM(model.eval(), load_processor(folder, **options))

    def _write(self, data: VLM, folder: Path) -> None:
        import copy

        # The model in memory keeps its precision: a later node may still train or measure it.
        copy.deepcopy(data.model).half().save_pretrained(folder)
        data.processor.save_pretrained(folder)
