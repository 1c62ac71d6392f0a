"""How many floating-point operations a step cannot do without, and how many a machine can do.

A product of [m, k] and [k, n] counts 2·m·k·n. Norms, activations and embeddings are left out.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Costs:
    """Operations of one model.

    Attributes:
        tower: of one image through tower and connector.
        token: of one token through the language model's layers, attention scores left out.
        pair: of one token looking at one other, over all layers.
        head: of one token through the vocabulary projection.
    """

    tower: float
    token: float
    pair: float
    head: float

    def row(self, length: int, head_tokens: int) -> float:
        """Forward pass over a row, causal attention counted as it is computed: in full."""
        return length * self.token + length**2 * self.pair + head_tokens * self.head


def costs(model: Any) -> Costs:
    """Read the operations off a model's linear layers and its configuration."""
    vision = model.config.vision_config
    patches = (vision.image_size // vision.patch_size) ** 2
    in_tower = (
        linear_weights(model.base_model.vision_model)
        + 3 * vision.patch_size**2 * vision.hidden_size
    )
    attention = 2 * vision.num_hidden_layers * patches**2 * vision.hidden_size
    connector = linear_weights(model.base_model.connector) * patches / model.config.scale_factor**2
    return costs_behind(2 * (in_tower * patches + attention + connector), model)


def costs_behind(tower: float, model: Any) -> Costs:
    """The operations of a model whose tower and connector take `tower` for an image."""
    text, head = model.config.get_text_config(), model.get_output_embeddings()
    return Costs(
        tower=tower,
        token=2 * linear_weights(model.get_decoder()),
        pair=4 * text.num_hidden_layers * text.hidden_size,
        head=2 * head.weight.numel(),
    )


def linear_weights(module: Any) -> float:
    """Weights of all linear layers below a module."""
    return sum(
        layer.weight.numel() for layer in module.modules() if isinstance(layer, torch.nn.Linear)
    )


def stock_pair(costs: Costs, prompt: int, chosen: int, rejected: int, checkpointing: bool) -> float:
    """One pair through TRL: two rows, policy and reference, the image encoded for each of them.

    Args:
        costs: of the model.
        prompt: tokens of image and instruction.
        chosen: tokens of the chosen answer.
        rejected: tokens of the rejected one.
        checkpointing: whether the forward pass is run again for the backward pass.
    """
    rows = sum(costs.row(prompt + tokens, prompt + tokens) for tokens in (chosen, rejected))
    # LoRA's backward pass goes through every layer once, for the gradient of what came in.
    passes = 2 + (1 if checkpointing else 0) + 1
    return 4 * costs.tower + passes * rows


def packed_pair(costs: Costs, prompt: int, chosen: int, rejected: int) -> float:
    """One pair in one row behind stored features and a known reference."""
    return 2 * costs.row(prompt + chosen + rejected, chosen + rejected)


def machine_rate(device: torch.device, dtype: torch.dtype, size: int = 1536) -> float:
    """Operations a second of a large matrix product, the median of several."""
    a = torch.randn(size, size, device=device, dtype=dtype)
    b = torch.randn(size, size, device=device, dtype=dtype)
    times = []
    for _ in range(7):
        start = time.perf_counter()
        c = a @ b
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    del c
    return 2 * size**3 / statistics.median(times)
