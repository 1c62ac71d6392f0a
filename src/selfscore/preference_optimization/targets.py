"""Which layers of a vision-language model carry the LoRA: the language model's linear layers.

Knows module names; trains nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def language_model_linears(model: PreTrainedModel) -> list[str]:
    """Full names of the linear layers inside the language model's decoder, in model order.

    The vision tower, the connector and the output projection are left as they are.

    Raises:
        ValueError: the architecture shows no decoder, or the decoder has no linear layer.
    """
    decoder = model.get_decoder()
    prefix = next((name for name, module in model.named_modules() if module is decoder), None)
    names = [
        f"{prefix}.{name}"
        for name, module in decoder.named_modules()
        if isinstance(module, nn.Linear)
    ]
    if not prefix or not names:
        raise ValueError(
            f"{type(model).__name__} shows no language-model decoder with linear layers (looked "
            "for get_decoder() and torch.nn.Linear inside it), so no LoRA can be placed on it."
        )
    return names
