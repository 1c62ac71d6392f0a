"""Text from a loaded policy: continues the start of a response for many images.

Knows decoding and batches; knows nothing of levels, pairs or gates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch
from tqdm import tqdm
from transformers import LogitsProcessorList

from selfscore.vlm.encoding import encode, render
from selfscore.vlm.images import ImageSource
from selfscore.vlm.sampling import GumbelSampling

if TYPE_CHECKING:
    from selfscore.vlm.loading import VLM


@dataclass(frozen=True)
class Decoding:
    """How text is decoded.

    Attributes:
        temperature: 0 is greedy; 1 samples the model's own distribution, unfiltered.
        max_new_tokens: longest continuation, in tokens.
        batch_size: rows decoded together; does not change the texts.
    """

    temperature: float
    max_new_tokens: int
    batch_size: int


@dataclass(frozen=True)
class Request:
    """One text to write.

    Attributes:
        image: key into the image source.
        instruction: what is asked.
        response_start: forced start of the response, "" for none.
        seed: of this row's random stream; unused when greedy.
    """

    image: str
    instruction: str
    response_start: str = ""
    seed: int = 0


def generate(
    vlm: VLM,
    images: ImageSource,
    requests: Sequence[Request],
    decoding: Decoding,
    description: str,
) -> list[str]:
    """Write one response per request, with a progress bar named `description`.

    Args:
        vlm: the loaded policy.
        images: image key → RGB image, read when its batch comes.
        requests: the texts to write, in any order.
        decoding: how.
        description: of the progress bar.

    Returns:
        Whole responses (forced start and continuation) in the order of `requests`, without
        special tokens.
    """
    responses: list[str] = []
    progress = tqdm(total=len(requests), desc=description, unit=" texts")
    for start in range(0, len(requests), decoding.batch_size):
        batch = requests[start : start + decoding.batch_size]
        responses += _generate_batch(vlm, images, batch, decoding)
        progress.update(len(batch))
    progress.close()
    return responses


@torch.inference_mode()
def _generate_batch(
    vlm: VLM, images: ImageSource, batch: Sequence[Request], decoding: Decoding
) -> list[str]:
    texts = [render(vlm, row.instruction, row.response_start) for row in batch]
    inputs = encode(vlm, [images[row.image] for row in batch], texts)
    sampling = LogitsProcessorList()
    if decoding.temperature > 0:
        sampling.append(GumbelSampling(decoding.temperature, [row.seed for row in batch]))
    output = cast(Any, vlm.model).generate(
        **inputs,
        do_sample=False,
        max_new_tokens=decoding.max_new_tokens,
        logits_processor=sampling,
        pad_token_id=vlm.tokenizer.pad_token_id,
    )
    continuations = vlm.tokenizer.batch_decode(
        output[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True
    )
    return [
        (row.response_start + text).strip() for row, text in zip(batch, continuations, strict=True)
    ]
