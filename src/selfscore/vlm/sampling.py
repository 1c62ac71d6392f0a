"""Sampling that depends on the row alone: the same text whatever batch a row stands in.

Knows logits and seeds; knows no model, prompt or image.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from transformers import LogitsProcessor


class GumbelSampling(LogitsProcessor):
    """Turns greedy decoding into sampling at `temperature` with one random stream a row.

    The argmax of logits / T + Gumbel noise is a sample of softmax(logits / T) (Gumbel-max trick,
    https://arxiv.org/abs/1411.0030), so nothing is filtered and rows do not share a generator.
    """

    def __init__(self, temperature: float, seeds: Sequence[int]) -> None:
        """Args: temperature > 0; one seed a row."""
        if temperature <= 0:
            raise ValueError("`temperature` must be above 0 to sample; use greedy decoding for 0.")
        self._temperature = temperature
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Perturbed scores [B, V]."""
        exponential = torch.stack(
            [
                torch.empty(scores.shape[-1]).exponential_(generator=generator)
                for generator in self._generators
            ]
        )
        gumbel = -exponential.log().to(scores.device)
        return scores.float() / self._temperature + gumbel


def row_seed(seed: int, *key: object) -> int:
    """A 63-bit seed from the run's seed and what identifies the row (image, side, attempt)."""
    digest = hashlib.sha256(repr((seed, *key)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
