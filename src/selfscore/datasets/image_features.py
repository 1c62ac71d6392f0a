"""Image features: what the frozen tower makes of each image, in one safetensors file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from selfscore.datasets.directory import DirectoryDataset, read_json, write_json

if TYPE_CHECKING:
    from selfscore.vlm.image_features import StoredFeatures

INDEX = "index.json"
TOKENS = "tokens.safetensors"


class ImageFeaturesDataset(DirectoryDataset["StoredFeatures"]):
    """Image tokens by image, and an index of the model they are of and what stands for each image.

    Loading reads all of it into memory, so `image_features.max_gb` bounds both.
    """

    kind = "image features"

    def _read(self, folder: Path) -> StoredFeatures:
        import torch
        from safetensors.torch import load_file

        from selfscore.vlm.image_features import ImageFeatures, StoredFeatures

        index = read_json(folder / INDEX)
        tokens = load_file(folder / TOKENS)
        images = {
            key: ImageFeatures(
                tokens[key],
                index["placeholders"][row["placeholder"]],
                None if row["grid"] is None else torch.tensor(row["grid"]),
            )
            for key, row in index["images"].items()
        }
        return StoredFeatures(index["base_model"], images, index.get("content", {}))

    def _write(self, data: StoredFeatures, folder: Path) -> None:
        from safetensors.torch import save_file

        placeholders = sorted({row.placeholder for row in data.images.values()})
        number = {text: place for place, text in enumerate(placeholders)}
        index = {
            "base_model": dict(data.base_model),
            "content": dict(data.content),
            "placeholders": placeholders,
            "images": {
                key: {
                    "placeholder": number[row.placeholder],
                    "grid": None if row.grid is None else row.grid.tolist(),
                }
                for key, row in data.images.items()
            },
        }
        write_json(index, folder / INDEX)
        save_file({key: row.tokens for key, row in data.images.items()}, folder / TOKENS)
