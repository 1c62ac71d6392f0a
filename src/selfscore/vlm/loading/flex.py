"""An attention for transformers' models that skips what no place of a packed row looks at.

Where a mask comes in blocks (`BlockMask`), PyTorch's FlexAttention computes the blocks that hold
something and leaves out the rest. All else, plain rows and the steps of generation, goes the way it
goes without it. It is registered under a name of its own and not used as transformers'
`flex_attention`, which would compile generation anew for every length, and which Qwen's
architectures do not offer.

Knows transformers' table of attention functions; knows nothing of rows and answers.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention.flex_attention import BlockMask
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.flex_attention import flex_attention_forward
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

FLEX = "selfscore_flex"


def check_flex() -> None:
    """Refuse a machine on which nothing could be trained with it.

    Raises:
        RuntimeError: there is no GPU.
    """
    if not torch.cuda.is_available():
        raise RuntimeError(
            "`machine.loading.attention: flex` needs a GPU: PyTorch's FlexAttention has no "
            "gradients on a CPU. Choose `auto`."
        )


def _attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | BlockMask | None,
    **options: Any,
) -> tuple[Tensor, Tensor | None]:
    """As transformers calls every attention: [B, heads, S, size] to [B, S, heads, size]."""
    if isinstance(attention_mask, BlockMask):
        return flex_attention_forward(module, query, key, value, attention_mask, **options)
    return sdpa_attention_forward(module, query, key, value, attention_mask, **options)


AttentionInterface.register(FLEX, _attend)
AttentionMaskInterface.register(FLEX, sdpa_mask)
