"""How likely a loaded policy finds given answers, several of one image in one pass.

Knows answers as texts; knows no preference and no score.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tqdm import tqdm

from selfscore.vlm.encoding import answer_ids, prompt_ids
from selfscore.vlm.features import ImageEncoder
from selfscore.vlm.packing_check import check_packing
from selfscore.vlm.shared_prefix import PackedAnswers, pack_answers, token_log_probabilities

if TYPE_CHECKING:
    from selfscore.vlm.features import ImageFeatures
    from selfscore.vlm.loading import VLM


def answer_log_probabilities(
    encoder: ImageEncoder,
    keys: Sequence[str],
    answers: Sequence[Sequence[str]],
    instruction: str,
    batch_size: int,
) -> list[list[float]]:
    """Sum of the log-probabilities of every answer's tokens, the token that ends it included.

    Args:
        encoder: the policy and its images.
        keys: the images.
        answers: per image, the responses to weigh: any number, also different ones.
        instruction: what the responses answer.
        batch_size: images in one pass.

    Returns:
        Per image one number (nats, ≤ 0) an answer.

    Raises:
        ValueError: the model does not compute packed rows as plain ones, see `check_packing`.
    """
    vlm = encoder.vlm
    if keys:
        check_packing(encoder, keys[0], instruction)
    found: list[list[float]] = []
    progress = tqdm(total=len(keys), desc="weighing answers", unit=" images")
    for start in range(0, len(keys), batch_size):
        batch = keys[start : start + batch_size]
        texts = answers[start : start + batch_size]
        most = max(len(group) for group in texts)
        # Rows of one batch hold equally many answers; a repeated one costs only its own tokens.
        padded = [[*group, *[group[-1]] * (most - len(group))] for group in texts]
        features = encoder(batch)
        packed = pack_texts(vlm, features, padded, instruction)
        sums = token_log_probabilities(vlm, packed, features).sum(dim=-1).tolist()
        found += [row[: len(group)] for row, group in zip(sums, texts, strict=True)]
        progress.update(len(batch))
    progress.close()
    return found


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
    prompts = {
        placeholder: prompt_ids(vlm, placeholder, instruction)
        for placeholder in {row.placeholder for row in features}
    }
    return pack_answers(
        vlm,
        [prompts[row.placeholder] for row in features],
        [[answer_ids(vlm, instruction, answer) for answer in group] for group in answers],
        features,
    )
