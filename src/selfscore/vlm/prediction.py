"""What a policy says of an image: emitted level, distribution over levels, explanation.

Knows how a score is read off a model; knows no true score and no unit of the user's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from tqdm import tqdm

from selfscore.vlm.encoding import encode, level_tokens
from selfscore.vlm.generation import Decoding, Request, generate
from selfscore.vlm.images import ImageSource
from selfscore.vlm.response import Prompts, parse_response
from selfscore.vlm.sampling import row_seed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from selfscore.vlm.loading import VLM


@dataclass(frozen=True)
class Prediction:
    """One image's prediction.

    Attributes:
        response: the whole text the model wrote.
        emitted_level: the level it states; None when the response breaks the format.
        explanation: its explanation; "" when the response breaks the format.
        probabilities: [levels], the score token's distribution, sums to 1; always there.
    """

    response: str
    emitted_level: int | None
    explanation: str
    probabilities: NDArray[np.float64]

    @property
    def valid(self) -> bool:
        """Whether the response keeps the format."""
        return self.emitted_level is not None

    @property
    def expected_level(self) -> float:
        """Mean of the distribution over levels (Q-Align, https://arxiv.org/abs/2312.17090)."""
        return float(self.probabilities @ np.arange(len(self.probabilities)))


def predict(
    vlm: VLM,
    images: ImageSource,
    keys: Sequence[str],
    prompts: Prompts,
    levels: int,
    decoding: Decoding,
    seed: int,
) -> list[Prediction]:
    """Score and explain the images named by `keys`, in their order."""
    requests = [
        Request(image=key, instruction=prompts.rating, seed=row_seed(seed, key)) for key in keys
    ]
    responses = generate(vlm, images, requests, decoding, description="explaining")
    probabilities = level_probabilities(
        vlm, images, keys, prompts.rating, levels, decoding.batch_size
    )
    predictions = []
    for response, row in zip(responses, probabilities, strict=True):
        parsed = parse_response(response, levels)
        predictions.append(
            Prediction(
                response=response,
                emitted_level=parsed.level if parsed else None,
                explanation=parsed.explanation if parsed else "",
                probabilities=row,
            )
        )
    return predictions


@torch.inference_mode()
def level_probabilities(
    vlm: VLM,
    images: ImageSource,
    keys: Sequence[str],
    instruction: str,
    levels: int,
    batch_size: int,
) -> NDArray[np.float64]:
    """Distribution over levels after ``#Score: ``, one prefill an image.

    Returns:
        [len(keys), levels], each row sums to 1.
    """
    text, tokens = level_tokens(vlm, instruction, levels)
    rows = []
    progress = tqdm(total=len(keys), desc="scoring", unit=" images")
    for start in range(0, len(keys), batch_size):
        batch = keys[start : start + batch_size]
        inputs = encode(vlm, [images[key] for key in batch], [text] * len(batch))
        logits = vlm.model(**inputs, use_cache=False, logits_to_keep=1).logits[:, -1, tokens]
        rows.append(logits.double().softmax(dim=-1).cpu().numpy())
        progress.update(len(batch))
    progress.close()
    return np.concatenate(rows)
