"""How far a text is that of its own level and not of a neighbouring one, to a model that reads it.

Knows a loaded model and answers; knows no table.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence

import numpy as np
from numpy.typing import NDArray

from selfscore.vlm.reading.features import ImageEncoder
from selfscore.vlm.reading.log_probabilities import answer_log_probabilities
from selfscore.vlm.response import write_response
from selfscore.vlm.writing.prediction import level_probabilities


def separations(
    encoder: ImageEncoder,
    keys: Sequence[str],
    stated: Sequence[int],
    texts: Sequence[str],
    instruction: str,
    levels: int,
    batch_size: int,
    setting: str,
    checkpoint: MutableMapping[str, bytes] | None = None,
) -> NDArray[np.float64]:
    """P(own level | own or neighbouring level, text, image) with equal chances of both before.

    The mean over the one or two neighbours n of a level l of σ(log p(text | l) − log p(text | n)).

    Args:
        encoder: the model that reads, and its images.
        keys: the image of each text.
        stated: the level each text was written with.
        texts: explanations.
        instruction: what they answer.
        levels: number of levels of the scale, at least 2.
        batch_size: images in one pass.
        setting: what the user calls it.
        checkpoint: what this model has read already, see `in_batches`.

    Returns:
        In [0, 1], chance .5, shape (len(texts),).
    """
    candidates = [
        [level, *(near for near in (level - 1, level + 1) if 0 <= near < levels)]
        for level in map(int, stated)
    ]
    answers = [
        [write_response(level, text) for level in own]
        for own, text in zip(candidates, texts, strict=True)
    ]
    whole = answer_log_probabilities(
        encoder, keys, answers, instruction, batch_size, checkpoint, setting
    )
    # Of a whole answer the level is a part, and what the model thinks of it is not asked here.
    of_level = np.log(
        level_probabilities(encoder, keys, instruction, levels, batch_size, checkpoint)
    )
    return np.array(
        [
            _mean_probability(np.asarray(sums) - row[own])
            for sums, row, own in zip(whole, of_level, candidates, strict=True)
        ]
    )


def _mean_probability(likelihoods: NDArray[np.float64]) -> float:
    """Mean chance of the first against each of the others."""
    gaps = likelihoods[0] - likelihoods[1:]
    return float(np.mean(np.exp(-np.logaddexp(0.0, -gaps))))
