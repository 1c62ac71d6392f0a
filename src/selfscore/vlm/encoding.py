"""From images, an instruction and the start of a response to model inputs, by the chat template.

Knows how a turn is rendered and tokenised; runs no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PIL import Image

from selfscore.vlm.response import response_prefix

if TYPE_CHECKING:
    from transformers import BatchFeature

    from selfscore.vlm.loading import VLM


def render(vlm: VLM, instruction: str, response_start: str = "") -> str:
    """One turn about one image as text, ready to be continued by the model.

    Args:
        vlm: whose chat template is used.
        instruction: what is asked of the image.
        response_start: the forced start of the answer; "" leaves the answer free.
    """
    question = [{"type": "image"}, {"type": "text", "text": instruction}]
    messages: list[Any] = [{"role": "user", "content": question}]
    if not response_start:
        return vlm.processor.apply_chat_template(messages, add_generation_prompt=True)
    messages.append({"role": "assistant", "content": [{"type": "text", "text": response_start}]})
    return vlm.processor.apply_chat_template(messages, continue_final_message=True)


def encode(vlm: VLM, images: Sequence[Image.Image], texts: Sequence[str]) -> BatchFeature:
    """Model inputs for one image a text, left-padded, on the model's device.

    Returns:
        `input_ids` and `attention_mask` [B, L] and the architecture's own image tensors.
    """
    inputs = vlm.processor(
        images=[[image] for image in images],
        text=list(texts),
        padding=True,
        padding_side="left",
        add_special_tokens=False,
        return_tensors="pt",
    )
    return inputs.to(vlm.device, dtype=vlm.model.dtype)


def level_tokens(vlm: VLM, instruction: str, levels: int) -> tuple[str, list[int]]:
    """The text up to the score token, and the token of each level at that place.

    Returns:
        The rendered turn that ends right before the level, and `levels` token ids.

    Raises:
        ValueError: the tokenizer does not write every level as one token of its own.
    """
    rendered = [render(vlm, instruction, response_prefix(level)) for level in range(levels)]
    ids = [vlm.tokenizer(text, add_special_tokens=False)["input_ids"] for text in rendered]
    columns = zip(*ids, strict=False)
    place = next((i for i, column in enumerate(columns) if len(set(column)) > 1), 0)
    tokens = [row[place] for row in ids]
    same_end = {tuple(row[place + 1 :]) for row in ids}
    before, _, _ = rendered[0].rpartition("0\n")
    start = vlm.tokenizer(before, add_special_tokens=False)["input_ids"]
    if len(set(tokens)) < levels or len(same_end) > 1 or start != ids[0][:place]:
        raise ValueError(
            f"This model's tokenizer does not write the levels 0 to {levels - 1} as one token "
            "each. Choose at most ten `levels`, or a model whose tokenizer splits digits."
        )
    return before, tokens
