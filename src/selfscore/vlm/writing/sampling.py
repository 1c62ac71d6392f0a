"""Sampling that depends on the row alone: the same text whatever batch a row stands in.

Knows logits and seeds; knows no model, prompt or image.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor


def row_seed(seed: int, *key: object) -> int:
    """A 63-bit seed from the run's seed and what identifies the row (image, side, attempt)."""
    digest = hashlib.sha256(repr((seed, *key)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def row_draws(seeds: Sequence[int], steps: int) -> Tensor:
    """Uniform numbers in [0, 1), [rows, steps] float64: one stream a row, one number a token."""
    return torch.stack(
        [
            torch.rand(steps, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
            for seed in seeds
        ]
    )


def sample(log_probabilities: Tensor, draws: Tensor, temperature: float) -> Tensor:
    """One token a row from softmax(log_probabilities / temperature), by inverting its distribution.

    Nothing is filtered, so at temperature 1 a token's log-probability is its entry in
    `log_probabilities`.

    Args:
        log_probabilities: [B, V].
        draws: [B] uniform numbers in [0, 1).
        temperature: ≥ 0; 0 takes the likeliest token.

    Returns:
        [B] token ids.
    """
    if temperature == 0:
        return log_probabilities.argmax(dim=-1)
    mass = (log_probabilities / temperature).softmax(dim=-1).cumsum(dim=-1, dtype=torch.float64)
    # The first token whose cumulative mass lies above the draw: never one without any mass.
    target = draws[:, None] * mass[:, -1:]
    return torch.searchsorted(mass, target, right=True)[:, 0].clamp(max=mass.shape[-1] - 1)
