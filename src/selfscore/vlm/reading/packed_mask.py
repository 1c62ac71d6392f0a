"""What each place of a packed row may look at, written out or in blocks.

There is one rule, and two ways to hand it to a model: a number for each two places, as SDPA and
plain matrix products take it, and blocks of 128 × 128 places, of which FlexAttention skips those
that hold nothing: whatever lies ahead, padding, and one answer seen from another.

Knows segments; knows no tokens and no model.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask

Rule = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def may_look(segments: Tensor) -> Rule:
    """The rule: whether (row, head, query, key) is allowed, with indices of any one shape.

    Args:
        segments: [B, S], see `PackedAnswers`.
    """

    def rule(row: Tensor, _head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        of_query, of_key = segments[row, query], segments[row, key]
        known = (query >= key) & ((of_key == of_query) | (of_key == 1)) & (of_key > 0)
        # Padding looks at itself: a softmax over nothing is not a number.
        return known | (query == key)

    return rule


def dense_mask(segments: Tensor, dtype: torch.dtype) -> Tensor:
    """The rule as numbers to add, [B, 1, S, S]: 0 where allowed, the lowest number elsewhere.

    Args:
        segments: [B, S], see `PackedAnswers`.
        dtype: of the mask, the model's own.
    """
    rows, width = segments.shape
    row = torch.arange(rows, device=segments.device)[:, None, None, None]
    place = torch.arange(width, device=segments.device)
    allowed = may_look(segments)(row, row, place[:, None], place)
    mask = torch.zeros(allowed.shape, dtype=dtype, device=segments.device)
    return mask.masked_fill(~allowed, torch.finfo(dtype).min)


def block_mask(segments: Tensor) -> BlockMask:
    """The rule in blocks, the same for all heads.

    Args:
        segments: [B, S], see `PackedAnswers`.
    """
    rows, width = segments.shape
    return create_block_mask(
        may_look(segments), rows, None, width, width, device=str(segments.device)
    )
