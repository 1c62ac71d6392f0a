"""How likely each level is as the score of a response, however many tokens it is written with.

Knows levels and tokens; knows no explanation, no true score and no unit of the user's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from selfscore.vlm.reading.level_rows import pack_levels
from selfscore.vlm.reading.shared_prefix import token_log_probabilities
from selfscore.vlm.reading.tokens import level_strings

if TYPE_CHECKING:
    from torch import Tensor

    from selfscore.vlm.image_features import ImageFeatures
    from selfscore.vlm.model import VLM
    from selfscore.vlm.writing.token_loop import Prefill


@torch.inference_mode()
def level_distributions(
    vlm: VLM,
    prefill: Prefill,
    prompts: Sequence[Sequence[int]],
    features: Sequence[ImageFeatures],
    instruction: str,
    levels: int,
) -> Tensor:
    """P(level | the response begins with a level), [B, levels] float64.

    Where every level is one token, its logits behind the start of the response are all there is to
    know. Where not, as with ``13`` in a tokenizer that splits digits, a level's probability is the
    product over its tokens and the one that ends it. All levels are then weighed in one more pass,
    on one shared prefix.

    Args:
        vlm: the loaded policy.
        prefill: of the prompts; it can still be continued afterwards.
        prompts: B token lists, image tokens included.
        features: of the B images.
        instruction: what the response answers.
        levels: number of levels.
    """
    start, strings = level_strings(vlm, instruction, levels)
    if all(len(ids) == 2 for ids in strings):
        tokens = [ids[0] for ids in strings]
        return prefill.next_logits(start)[:, tokens].double().softmax(dim=-1)
    rows, _ = pack_levels(vlm, prompts, features, instruction, levels)
    return token_log_probabilities(vlm, rows, features).double().sum(dim=-1).softmax(dim=-1)
