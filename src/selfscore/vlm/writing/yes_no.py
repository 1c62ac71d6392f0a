"""How surely a model says yes to a question about an image: one prefill, and no text.

Knows questions and tokens; knows no explanation and no truth.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from typing import TYPE_CHECKING

import torch

from selfscore.vlm.batches import ShrinkingBatch, in_batches
from selfscore.vlm.reading.tokens import prompt_ids, start_ids
from selfscore.vlm.writing.token_loop import Prefill

if TYPE_CHECKING:
    from selfscore.vlm.model import VLM
    from selfscore.vlm.reading.features import ImageEncoder

_YES, _NO = ("yes", "Yes"), ("no", "No")

# An image's key, and what is asked of it.
Question = tuple[str, str]


def yes_probabilities(
    encoder: ImageEncoder,
    questions: Sequence[Question],
    batch_size: int,
    setting: str,
    checkpoint: MutableMapping[str, bytes] | None = None,
) -> list[float]:
    """P(yes | the answer begins with yes or no), in either spelling, of every question.

    Args:
        encoder: the model and its images.
        questions: in any order; equal ones are asked once.
        batch_size: questions in one pass.
        setting: what the user calls it.
        checkpoint: what this model has answered already, see `in_batches`.

    Raises:
        ValueError: the model's tokenizer begins yes and no alike.
    """
    asked = sorted(set(questions), key=lambda one: (encoder.length(one[0]), one))
    fitting = ShrinkingBatch(setting)
    batches = in_batches(
        asked,
        batch_size,
        lambda batch: fitting.fit(lambda few: _answer(encoder, few), batch, lambda one: one[0]),
        checkpoint,
        name="questions",
        description="asking",
        unit=" questions",
        engine=encoder.vlm.engine,
    )
    answers = [answer for batch in batches for answer in batch]
    found = dict(zip(asked, answers, strict=True))
    return [found[one] for one in questions]


@torch.inference_mode()
def _answer(encoder: ImageEncoder, questions: Sequence[Question]) -> list[float]:
    vlm = encoder.vlm
    features = encoder([key for key, _ in questions])
    prompts = [
        prompt_ids(vlm, row.placeholder, text)
        for row, (_, text) in zip(features, questions, strict=True)
    ]
    yes, no = _first_tokens(vlm, questions[0][1])
    logits = Prefill(vlm, prompts, features).next_logits([])
    chances = logits[:, [*yes, *no]].double().softmax(dim=-1)
    answers: list[float] = chances[:, : len(yes)].sum(dim=-1).tolist()
    return answers


def _first_tokens(vlm: VLM, question: str) -> tuple[list[int], list[int]]:
    """The tokens that a yes and a no begin with."""
    yes, no = (
        sorted({start_ids(vlm, question, word)[0] for word in words}) for words in (_YES, _NO)
    )
    if set(yes) & set(no):
        raise ValueError(
            "This model's tokenizer begins yes and no alike, so it cannot be asked whether texts "
            "are true. Set `evaluation.faithfulness.reader.pictures: 0`."
        )
    return yes, no
