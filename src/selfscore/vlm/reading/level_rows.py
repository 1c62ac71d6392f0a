"""All levels as the score of one answer, in one row, and beside them perhaps a whole answer.

The place before the score does not see what follows it, so the row of a whole answer tells how
likely each level is, too. A level of several tokens, such as ``13`` in a tokenizer that splits
digits, is a branch of its own behind the shared start (`selfscore.vlm.reading.shared_prefix`).

Knows tokens of levels and answers; knows no true score and no loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from selfscore.vlm.reading.shared_prefix import IGNORED, PackedAnswers, pack_answers
from selfscore.vlm.reading.tokens import answer_ids, level_strings

if TYPE_CHECKING:
    from selfscore.vlm.image_features import ImageFeatures
    from selfscore.vlm.model import VLM

# A whole answer and the level that it names.
Answer = tuple[int, str]


def pack_levels(
    vlm: VLM,
    prompts: Sequence[Sequence[int]],
    features: Sequence[ImageFeatures],
    instruction: str,
    levels: int,
    answers: Sequence[Answer | None] = (),
) -> tuple[PackedAnswers, PackedAnswers]:
    """Lay out every prompt with all levels, and with an answer where there is one.

    Args:
        vlm: whose tokens.
        prompts: B token lists, image tokens included.
        features: of the B images.
        instruction: what the answers answer.
        levels: number of levels.
        answers: B answers in the required format, or none at all.

    Returns:
        The same rows twice. The labels of the first, [B, levels, T], are each level's tokens and
        the one that ends it: the sum of their log-probabilities is the log-probability of that
        level, whole, behind the start of a response. Those of the second, [B, 1, T], are an
        answer's tokens without those of its level; an image without an answer has none.

    Raises:
        ValueError: the tokenizer writes two levels alike, or writes a level in a whole answer
            otherwise than alone.
    """
    start, strings = level_strings(vlm, instruction, levels)
    texts = [
        _answer(vlm, instruction, start, strings, answer)
        for answer in answers or [None] * len(prompts)
    ]
    single = all(len(ids) == 2 for ids in strings)
    branches = [] if single else [[*start, *ids] for ids in strings]
    packed = pack_answers(vlm, prompts, [[text, *branches] for text, _ in texts], features)
    behind = slice(len(start), len(start) + max(map(len, strings)))
    if single:
        tokens = torch.tensor([ids[:1] for ids in strings])
        of_levels = replace(
            packed,
            columns=packed.columns[:, :, behind.start : behind.start + 1].expand(-1, levels, -1),
            labels=tokens.expand(len(prompts), -1, -1),
        )
    else:
        of_levels = replace(
            packed, columns=packed.columns[:, 1:, behind], labels=packed.labels[:, 1:, behind]
        )
    labels = packed.labels[:, :1].clone()
    for row, (_, left_out) in zip(labels, texts, strict=True):
        row[:, left_out] = IGNORED
    return of_levels, replace(packed, columns=packed.columns[:, :1], labels=labels)


def _answer(
    vlm: VLM,
    instruction: str,
    start: list[int],
    strings: list[list[int]],
    answer: Answer | None,
) -> tuple[list[int], slice]:
    """The tokens of an answer, or as few as tell where its level begins, and which do not count."""
    if answer is None:
        return [*start, strings[0][0]], slice(None)
    level, text = answer
    ids = answer_ids(vlm, instruction, text)
    begins = [*start, *strings[level]]
    if ids[: len(begins)] != begins:
        raise ValueError(
            f"This model's tokenizer writes the level {level} otherwise in {text!r} than alone, so "
            "it cannot learn the scores of whole answers. Set `level_training.text_weight: 0`."
        )
    return ids, slice(len(start), len(begins) - 1)
