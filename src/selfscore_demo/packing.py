"""Pack prefixes and the answers after them into one batch of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Answer:
    """What follows a prefix.

    Attributes:
        ids: Token ids.
        silent: The first of them that is read and not learnt, and the first after it that is.
    """

    ids: list[int]
    silent: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Lesson:
    """One batch: a shared prefix per image and several answers after it.

    Attributes:
        tokens: (batch, length) token ids: a prefix and its answers, padded on the right.
        positions: Position ids of the same shape; every answer starts where its prefix ends.
        weights: Loss weight of predicting each token, 0 for prefix, padding and silent tokens.
        answer: Which answer a token belongs to, 0 for the prefix, -1 for padding.
    """

    tokens: torch.Tensor
    positions: torch.Tensor
    weights: torch.Tensor
    answer: torch.Tensor


def pack(
    prefixes: Sequence[list[int]], answers: Sequence[Sequence[Answer]], padding: int
) -> Lesson:
    """Write each prefix and its answers into a row.

    Args:
        prefixes: Token ids, one prefix an image; they may differ in length.
        answers: The answers after each prefix, any number of them.
        padding: Token id of padding.
    """
    lengths = [
        len(prefix) + sum(len(one.ids) for one in group)
        for prefix, group in zip(prefixes, answers, strict=True)
    ]
    shape = (len(prefixes), max(lengths))
    tokens = torch.full(shape, padding)
    positions = torch.zeros(shape, dtype=torch.long)
    weights = torch.zeros(shape)
    answer = torch.full(shape, -1)
    for row, (prefix, group) in enumerate(zip(prefixes, answers, strict=True)):
        start = len(prefix)
        tokens[row, :start] = torch.tensor(prefix)
        positions[row, :start] = torch.arange(start)
        answer[row, :start] = 0
        for place, one in enumerate(group, start=1):
            stop = start + len(one.ids)
            tokens[row, start:stop] = torch.tensor(one.ids)
            positions[row, start:stop] = torch.arange(len(prefix), len(prefix) + len(one.ids))
            weights[row, start:stop] = 1.0
            first, end = one.silent
            weights[row, start + first : start + end] = 0.0
            answer[row, start:stop] = place
            start = stop
    return Lesson(tokens, positions, weights, answer)
