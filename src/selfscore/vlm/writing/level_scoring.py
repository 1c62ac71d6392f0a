"""How likely each level is as the score of a response, however many tokens it is written with.

Knows levels and tokens; knows no explanation, no true score and no unit of the user's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from selfscore.vlm.reading.level_rows import pack_levels
from selfscore.vlm.reading.shared_prefix import image_outputs, token_log_probabilities
from selfscore.vlm.reading.tokens import left_pad, level_strings, pad_token, positions

if TYPE_CHECKING:
    from torch import Tensor

    from selfscore.vlm.image_features import ImageFeatures
    from selfscore.vlm.model import VLM
    from selfscore.vlm.writing.token_loop import Prefill


@torch.inference_mode()
def level_distributions(
    vlm: VLM,
    prompts: Sequence[Sequence[int]],
    features: Sequence[ImageFeatures],
    instruction: str,
    levels: int,
    prefill: Prefill | None = None,
) -> Tensor:
    """P(level | the response begins with a level), [B, levels] float64.

    Where every level is one token, its logits behind the start of the response are all there is to
    know. Where not, as with ``13`` in a tokenizer that splits digits, a level's probability is the
    product over its tokens and the one that ends it. All levels are then weighed in one more pass,
    on one shared prefix.

    Args:
        vlm: the loaded policy.
        prompts: B token lists, image tokens included.
        features: of the B images.
        instruction: what the response answers.
        levels: number of levels.
        prefill: of the prompts, which can still be continued afterwards; None where nothing is to
            be written, so that prompt and start are one pass.
    """
    start, strings = level_strings(vlm, instruction, levels)
    if all(len(ids) == 2 for ids in strings):
        tokens = [ids[0] for ids in strings]
        if prefill is None:
            logits = _next_logits(vlm, [[*prompt, *start] for prompt in prompts], features)
        else:
            logits = prefill.next_logits(start)
        return logits[:, tokens].double().softmax(dim=-1)
    rows, _ = pack_levels(vlm, prompts, features, instruction, levels)
    return token_log_probabilities(vlm, rows, features).double().sum(dim=-1).softmax(dim=-1)


def _next_logits(
    vlm: VLM, rows: Sequence[Sequence[int]], features: Sequence[ImageFeatures]
) -> Tensor:
    """Logits [B, V] of the token after each of B rows."""
    ids, mask = left_pad(rows, pad_token(vlm))
    model: Any = vlm.model
    hidden = model.base_model(
        input_ids=ids.to(vlm.device),
        attention_mask=mask.to(vlm.device),
        position_ids=positions(vlm, ids, mask, features).to(vlm.device),
        use_cache=False,
        **image_outputs(torch.cat([row.tokens for row in features]).to(vlm.device)),
    ).last_hidden_state
    logits: Tensor = model.get_output_embeddings()(hidden[:, -1])
    return logits
