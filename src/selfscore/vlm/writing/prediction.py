"""What a policy says of an image: emitted level, distribution over levels, explanation.

Knows how a score is read off a model; knows no true score and no unit of the user's.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from selfscore.vlm.batches import ShrinkingBatch, in_batches
from selfscore.vlm.options import Decoding
from selfscore.vlm.reading.features import ImageEncoder
from selfscore.vlm.reading.tokens import prompts_of, start_ids
from selfscore.vlm.response import Prompts, parse_response, response_prefix
from selfscore.vlm.writing.generation import Request
from selfscore.vlm.writing.level_scoring import level_distributions
from selfscore.vlm.writing.sampling import row_seed
from selfscore.vlm.writing.token_loop import Prefill

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from selfscore.vlm.writing.backends import Writer
    from selfscore.vlm.writing.grammar import ExplanationGrammar

_SETTING = "evaluation.decoding.batch_size"


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


def predict_images(
    encoder: ImageEncoder,
    keys: Sequence[str],
    prompts: Prompts,
    levels: int,
    decoding: Decoding,
    seed: int,
    checkpoint: MutableMapping[str, bytes] | None = None,
) -> list[Prediction]:
    """Score and explain the images named by `keys`, in their order.

    The distribution over levels and the explanation continue one prefill. What this policy has
    said already is taken from `checkpoint`, see `in_batches`.
    """
    fitting = ShrinkingBatch(_SETTING)

    def answer(batch: Sequence[str]) -> list[tuple[str, list[float]]]:
        rows = fitting.fit(
            lambda few: predict_batch(encoder, few, prompts, levels, decoding, seed), batch
        )
        return [(row.response, row.probabilities.tolist()) for row in rows]

    order = _by_length(encoder, keys)
    batches = in_batches(
        order,
        decoding.batch_size,
        answer,
        checkpoint,
        name="predictions",
        description="scoring and explaining",
        unit=" images",
        engine=encoder.vlm.engine,
    )
    rows = [_prediction(text, np.array(row), levels) for batch in batches for text, row in batch]
    found = dict(zip(order, rows, strict=True))
    return [found[key] for key in keys]


def predict_batch(
    encoder: ImageEncoder,
    keys: Sequence[str],
    prompts: Prompts,
    levels: int,
    decoding: Decoding,
    seed: int,
    grammar: ExplanationGrammar | None = None,
) -> list[Prediction]:
    """`predict_images` for one batch that fits, of different images, without a progress bar.

    With a grammar no response breaks the format: the level it states is the likeliest, and the
    explanation is written within the grammar. The distribution over levels is the same.
    """
    vlm = encoder.vlm
    prefill, probabilities = _prefilled(encoder, keys, prompts.rating, levels)
    seeds = [row_seed(seed, key) for key in keys]
    forced = [
        "" if grammar is None else response_prefix(int(row.argmax())) for row in probabilities
    ]
    starts = {start: start_ids(vlm, prompts.rating, start) for start in set(forced)}
    written = prefill.write(
        range(len(keys)), [starts[start] for start in forced], seeds, decoding, grammar
    )
    texts = [
        (start + vlm.tokenizer.decode(row.ids, skip_special_tokens=True)).strip()
        for start, row in zip(forced, written, strict=True)
    ]
    return [_prediction(text, row, levels) for text, row in zip(texts, probabilities, strict=True)]


def predict_texts(
    write: Writer,
    keys: Sequence[str],
    prompts: Prompts,
    probabilities: NDArray[np.float64],
    decoding: Decoding,
    seed: int,
    checkpoint: MutableMapping[str, bytes] | None = None,
) -> list[Prediction]:
    """`predict_images` with texts by another writer, to distributions that are known.

    Args:
        write: writes the texts.
        keys: the images.
        prompts: the instructions.
        probabilities: [len(keys), levels], the distribution over levels of each image.
        decoding: of the texts.
        seed: of their sampling.
        checkpoint: texts that are written already, see `in_batches`.
    """
    requests = [Request(key, prompts.rating, seed=row_seed(seed, key)) for key in keys]
    written = write(requests, decoding, "explaining", checkpoint)
    levels = probabilities.shape[1]
    return [
        _prediction(response.text, row, levels)
        for response, row in zip(written, probabilities, strict=True)
    ]


def level_probabilities(
    encoder: ImageEncoder,
    keys: Sequence[str],
    instruction: str,
    levels: int,
    batch_size: int,
    checkpoint: MutableMapping[str, bytes] | None = None,
) -> NDArray[np.float64]:
    """Distribution over levels after ``#Score: ``: one prefill an image, and no text.

    What this policy has scored already is taken from `checkpoint`, see `in_batches`.

    Returns:
        [len(keys), levels], each row sums to 1.
    """
    fitting = ShrinkingBatch(_SETTING)

    def score(batch: Sequence[str]) -> list[list[float]]:
        rows = fitting.fit(
            lambda few: list(batch_probabilities(encoder, few, instruction, levels)), batch
        )
        return [row.tolist() for row in rows]

    order = _by_length(encoder, keys)
    batches = in_batches(
        order,
        batch_size,
        score,
        checkpoint,
        name="probabilities",
        description="scoring",
        unit=" images",
        engine=encoder.vlm.engine,
    )
    found = dict(zip(order, (row for batch in batches for row in batch), strict=True))
    return np.array([found[key] for key in keys])


def batch_probabilities(
    encoder: ImageEncoder, keys: Sequence[str], instruction: str, levels: int
) -> NDArray[np.float64]:
    """`level_probabilities` for images that fit into one batch, without a progress bar."""
    features = encoder(keys)
    prompts = prompts_of(encoder.vlm, features, instruction)
    rows = level_distributions(encoder.vlm, prompts, features, instruction, levels)
    return rows.cpu().numpy()


def _by_length(encoder: ImageEncoder, keys: Sequence[str]) -> list[str]:
    """Every image once, those of like length side by side."""
    return sorted(dict.fromkeys(keys), key=lambda key: (encoder.length(key), key))


@torch.inference_mode()
def _prefilled(
    encoder: ImageEncoder, keys: Sequence[str], instruction: str, levels: int
) -> tuple[Prefill, NDArray[np.float64]]:
    """The prompts of a batch, ready to be continued, and the distributions over levels."""
    vlm = encoder.vlm
    features = encoder(keys)
    prompts = prompts_of(vlm, features, instruction)
    prefill = Prefill(vlm, prompts, features)
    rows = level_distributions(vlm, prompts, features, instruction, levels, prefill)
    return prefill, rows.cpu().numpy()


def _prediction(text: str, probabilities: NDArray[np.float64], levels: int) -> Prediction:
    parsed = parse_response(text, levels)
    return Prediction(
        response=text,
        emitted_level=parsed.level if parsed else None,
        explanation=parsed.explanation if parsed else "",
        probabilities=probabilities,
    )
