"""How likely a loaded policy finds given answers, several of one image in one pass.

Knows answers as texts; knows no preference and no score.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from typing import TYPE_CHECKING

from selfscore.vlm.batches import ShrinkingBatch, in_batches
from selfscore.vlm.reading.features import ImageEncoder
from selfscore.vlm.reading.packing_check import check_packing
from selfscore.vlm.reading.shared_prefix import PackedAnswers, pack_answers, token_log_probabilities
from selfscore.vlm.reading.tokens import answer_ids, prompts_of

if TYPE_CHECKING:
    from selfscore.vlm.image_features import ImageFeatures
    from selfscore.vlm.model import VLM


def answer_log_probabilities(
    encoder: ImageEncoder,
    keys: Sequence[str],
    answers: Sequence[Sequence[str]],
    instruction: str,
    batch_size: int,
    checkpoint: MutableMapping[str, bytes] | None = None,
    setting: str = "preference_building.batch_size",
) -> list[list[float]]:
    """Sum of the log-probabilities of every answer's tokens, the token that ends it included.

    Args:
        encoder: the policy and its images.
        keys: the images.
        answers: per image, the responses to weigh: any number, also different ones.
        instruction: what the responses answer.
        batch_size: images in one pass.
        checkpoint: answers that this policy has weighed already, see `in_batches`.
        setting: what the user calls `batch_size`.

    Returns:
        Per image one number (nats, ≤ 0) an answer.

    Raises:
        ValueError: the model does not compute packed rows as plain ones, see `check_packing`.
    """
    vlm = encoder.vlm
    fitting = ShrinkingBatch(setting)

    def weigh(batch: Sequence[tuple[str, list[str]]]) -> list[list[float]]:
        # Where the weights are; a model that passed is not checked again.
        check_packing(encoder, batch[0][0], instruction)
        most = max(len(group) for _, group in batch)
        # Rows of one batch hold equally many answers; a repeated one costs only its own tokens.
        padded = [[*group, *[group[-1]] * (most - len(group))] for _, group in batch]
        features = encoder([key for key, _ in batch])
        packed = pack_texts(vlm, features, padded, instruction)
        sums = token_log_probabilities(vlm, packed, features).sum(dim=-1).tolist()
        return [row[: len(group)] for row, (_, group) in zip(sums, batch, strict=True)]

    batches = in_batches(
        [(key, list(group)) for key, group in zip(keys, answers, strict=True)],
        batch_size,
        lambda batch: fitting.fit(weigh, batch, lambda row: row[0]),
        checkpoint,
        name="answers",
        description="weighing answers",
        unit=" images",
        engine=vlm.engine,
    )
    return [weights for batch in batches for weights in batch]


def pack_texts(
    vlm: VLM,
    features: Sequence[ImageFeatures],
    answers: Sequence[Sequence[str]],
    instruction: str,
) -> PackedAnswers:
    """Prompts and answers of a batch as packed rows.

    Args:
        vlm: whose tokens.
        features: of the B images; what stands for them in a prompt, and their positions.
        answers: B times K responses.
        instruction: what they answer.
    """
    return pack_answers(
        vlm,
        prompts_of(vlm, features, instruction),
        [[answer_ids(vlm, instruction, answer) for answer in group] for group in answers],
        features,
    )
