"""What a policy says of an image: emitted level, distribution over levels, explanation.

Knows how a score is read off a model; knows no true score and no unit of the user's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from tqdm import tqdm

from selfscore.vlm.decoding import Decoding, Prefill
from selfscore.vlm.encoding import level_tokens, prompt_ids
from selfscore.vlm.features import ImageEncoder
from selfscore.vlm.response import Prompts, parse_response
from selfscore.vlm.sampling import row_seed

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
    encoder: ImageEncoder,
    keys: Sequence[str],
    prompts: Prompts,
    levels: int,
    decoding: Decoding,
    seed: int,
) -> list[Prediction]:
    """Score and explain the images named by `keys`, in their order.

    The distribution over levels and the explanation continue one prefill.
    """
    vlm = encoder.vlm
    found: dict[str, Prediction] = {}
    with tqdm(total=len(keys), desc="scoring and explaining", unit=" images") as progress:
        for batch, prefill, probabilities in _scored(
            encoder, keys, prompts.rating, levels, decoding.batch_size
        ):
            seeds = [row_seed(seed, key) for key in batch]
            free: list[list[int]] = [[] for _ in batch]
            written = prefill.write(range(len(batch)), free, seeds, decoding)
            for key, row, continuation in zip(batch, probabilities, written, strict=True):
                text = vlm.tokenizer.decode(continuation.ids, skip_special_tokens=True).strip()
                found[key] = _prediction(text, row, levels)
            progress.update(len(batch))
    return [found[key] for key in keys]


def level_probabilities(
    encoder: ImageEncoder, keys: Sequence[str], instruction: str, levels: int, batch_size: int
) -> NDArray[np.float64]:
    """Distribution over levels after ``#Score: ``: one prefill an image, and no text.

    Returns:
        [len(keys), levels], each row sums to 1.
    """
    found: dict[str, NDArray[np.float64]] = {}
    with tqdm(total=len(keys), desc="scoring", unit=" images") as progress:
        for batch, _, rows in _scored(encoder, keys, instruction, levels, batch_size):
            found |= dict(zip(batch, rows, strict=True))
            progress.update(len(batch))
    return np.stack([found[key] for key in keys])


def _scored(
    encoder: ImageEncoder, keys: Sequence[str], instruction: str, levels: int, batch_size: int
) -> Iterator[tuple[list[str], Prefill, NDArray[np.float64]]]:
    """Batches of images, their prompts ready to be continued, and their distributions."""
    vlm = encoder.vlm
    start, tokens = level_tokens(vlm, instruction, levels)
    order = sorted(dict.fromkeys(keys), key=lambda key: (encoder.length(key), key))
    for first in range(0, len(order), batch_size):
        batch = order[first : first + batch_size]
        with torch.inference_mode():
            features = encoder(batch)
            prompts = {
                placeholder: prompt_ids(vlm, placeholder, instruction)
                for placeholder in {row.placeholder for row in features}
            }
            prefill = Prefill(vlm, [prompts[row.placeholder] for row in features], features)
            rows = prefill.next_logits(start)[:, tokens].double().softmax(dim=-1)
        yield batch, prefill, rows.cpu().numpy()


def _prediction(text: str, probabilities: NDArray[np.float64], levels: int) -> Prediction:
    parsed = parse_response(text, levels)
    return Prediction(
        response=text,
        emitted_level=parsed.level if parsed else None,
        explanation=parsed.explanation if parsed else "",
        probabilities=probabilities,
    )
