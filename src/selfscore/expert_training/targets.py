"""Which layers of a vision-language model carry the LoRA.

Knows module names; trains nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from selfscore.vlm.loading.loader import decoder_name

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def lora_targets(model: PreTrainedModel, targets: str) -> list[str]:
    """Full names of the linear layers that are adapted, in model order.

    Args:
        model: an image-text-to-text model.
        targets: `language_model` for the decoder's linear layers, `whole_model` for those of the
            vision tower and the connector too. The output projection is never adapted.

    Raises:
        ValueError: the architecture shows no decoder, or there is no linear layer to adapt.
    """
    inside = f"{decoder_name(model)}." if targets == "language_model" else ""
    head = model.get_output_embeddings()
    names = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and name.startswith(inside) and module is not head
    ]
    if not names:
        raise ValueError(
            f"{type(model).__name__} has no torch.nn.Linear in its {targets.replace('_', ' ')}, "
            "so no LoRA can be placed on it."
        )
    return names
