"""The images of a training's batch: features that are kept, or pixels where the tower is trained.

Knows features and towers; knows no answer and no loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

from selfscore.vlm.reading.features import ImageEncoder, image_inputs, run_tower

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel


def image_batch(encoder: ImageEncoder, keys: Sequence[str], tower_frozen: bool) -> dict[str, Any]:
    """The images of a batch as `image_tokens` takes them.

    Args:
        encoder: the policy and its images.
        keys: the images.
        tower_frozen: whether training leaves the tower as it is. If not, pixels go into the batch
            instead of features, and the tower runs in the step, once an image.

    Returns:
        features: what is known of each image; and image_tokens or pixels.
    """
    if tower_frozen:
        features = encoder(keys)
        return {"features": features, "image_tokens": torch.cat([row.tokens for row in features])}
    pixels, features = image_inputs(encoder.vlm, encoder.images, keys)
    return {"features": features, "pixels": pixels}


def image_tokens(model: PreTrainedModel, batch: Mapping[str, Any]) -> Tensor:
    """What the language model sees of the images of a batch, one after the other, [n, hidden]."""
    tokens: Tensor | None = batch.get("image_tokens")
    return torch.cat(run_tower(model, batch["pixels"])) if tokens is None else tokens
