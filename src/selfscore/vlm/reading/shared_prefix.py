"""Several answers to one prompt in one row: image and prompt are computed once for all of them.

A row is ``[prompt + what all answers begin with][rest of answer 1][rest of answer 2] …``. Every
rest sees the prefix and itself, never another rest, and its positions go on where the prefix ends,
so each token's hidden state is the one it would have in a row of its own. The idea is that of
prefix sharing for text DPO (Wang et al., arXiv 2410.20305), where an image makes the prefix long.

Knows token ids, segments, positions and distributions; knows no text, no preference and no true
score.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint
from transformers.modeling_outputs import BaseModelOutputWithPooling

from selfscore.vlm.loading.flex import FLEX
from selfscore.vlm.reading.packed_mask import block_mask, dense_mask
from selfscore.vlm.reading.tokens import pad_token, positions

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from selfscore.vlm.image_features import ImageFeatures
    from selfscore.vlm.model import VLM

IGNORED = -100
# Places whose distributions are held in memory together.
_PLACES = 512


@dataclass(frozen=True)
class PackedAnswers:
    """B prompts with K answers each, one row a prompt.

    Attributes:
        input_ids: [B, S] tokens of a row.
        segments: [B, S], 0 padding, 1 prefix, 2 … K + 1 the answers.
        position_ids: [B, S], or [3, B, S] with M-RoPE.
        columns: [B, K, T] place of the hidden state that predicts each answer token.
        labels: [B, K, T] the answer tokens, `IGNORED` beyond an answer's end.
    """

    input_ids: Tensor
    segments: Tensor
    position_ids: Tensor
    columns: Tensor
    labels: Tensor


def pack_answers(
    vlm: VLM,
    prompts: Sequence[Sequence[int]],
    answers: Sequence[Sequence[Sequence[int]]],
    features: Sequence[ImageFeatures],
) -> PackedAnswers:
    """Lay out every prompt with its answers.

    Args:
        vlm: whose padding and positions are used.
        prompts: B token lists, image tokens included.
        answers: B lists of K token lists, none of them empty.
        features: of the B images, for the positions.
    """
    rows = [_layout(prompt, group) for prompt, group in zip(prompts, answers, strict=True)]
    width = max(len(row.ids) for row in rows)
    longest = max(len(ids) for group in answers for ids in group)
    shape = (len(rows), len(answers[0]), longest)
    input_ids = torch.full((len(rows), width), pad_token(vlm))
    segments = torch.zeros((len(rows), width), dtype=torch.long)
    after_prompt = torch.zeros((len(rows), width), dtype=torch.long)
    columns = torch.zeros(shape, dtype=torch.long)
    labels = torch.full(shape, IGNORED)
    for place, (row, group) in enumerate(zip(rows, answers, strict=True)):
        input_ids[place, : len(row.ids)] = torch.tensor(row.ids)
        segments[place, : len(row.ids)] = torch.tensor(row.segments)
        after_prompt[place, : len(row.ids)] = torch.tensor(row.after_prompt)
        for k, ids in enumerate(group):
            columns[place, k, : len(ids)] = torch.tensor(row.columns[k])
            labels[place, k, : len(ids)] = torch.tensor(ids)
    # Answer tokens stand 1, 2, … behind the last position of the prompt.
    in_prompt = (segments == 1) & (after_prompt == 0)
    placed = positions(vlm, input_ids, in_prompt.long(), features)
    last = placed.masked_fill(~in_prompt, 0).amax(dim=-1, keepdim=True)
    if placed.dim() == 3:
        last = last.amax(dim=0, keepdim=True)
    position_ids = torch.where(in_prompt, placed, last + after_prompt)
    return PackedAnswers(input_ids, segments, position_ids, columns, labels)


def packed_inputs(
    model: PreTrainedModel,
    input_ids: Tensor,
    segments: Tensor,
    position_ids: Tensor,
    tokens: Tensor,
) -> dict[str, Any]:
    """What the model without its head is called with, to see packed rows.

    Args:
        model: whose attention says in which form it takes the mask.
        input_ids: [B, S], see `PackedAnswers`.
        segments: [B, S].
        position_ids: [B, S] or [3, B, S].
        tokens: the image tokens of all B images one after the other, see `image_outputs`.
    """
    in_blocks = model.config.get_text_config()._attn_implementation == FLEX
    return {
        "input_ids": input_ids,
        "attention_mask": (
            block_mask(segments) if in_blocks else dense_mask(segments, tokens.dtype)
        ),
        "position_ids": position_ids,
        **image_outputs(tokens),
        "use_cache": False,
    }


def image_outputs(tokens: Tensor) -> Mapping[str, Any]:
    """Image tokens as a model of transformers takes them instead of pixels.

    Args:
        tokens: [n, hidden], or [n, 1 + L, hidden] with the features of L decoder layers behind.
    """
    first, *deeper = tokens.unbind(dim=1) if tokens.dim() == 3 else [tokens]
    output: Any = BaseModelOutputWithPooling(pooler_output=[first])
    if deeper:
        output.deepstack_features = [[layer] for layer in deeper]
    return {"mm_encoder_outputs": {"image": output}}


@torch.no_grad()
def token_log_probabilities(
    vlm: VLM, packed: PackedAnswers, features: Sequence[ImageFeatures]
) -> Tensor:
    """Log-probability of every answer token, [B, K, T] float32; 0 beyond an answer's end."""
    tokens = torch.cat([row.tokens for row in features])
    return label_log_probabilities(vlm.model, hidden_states(vlm.model, packed, tokens), packed)


def hidden_states(model: PreTrainedModel, packed: PackedAnswers, tokens: Tensor) -> Tensor:
    """What the model without its head makes of packed rows, [B, S, hidden], with gradients.

    Args:
        model: an image-text-to-text model.
        packed: the rows.
        tokens: of all B images, see `packed_inputs`.
    """
    device = model.device
    inputs = packed_inputs(
        model,
        packed.input_ids.to(device),
        packed.segments.to(device),
        packed.position_ids.to(device),
        tokens.to(device),
    )
    hidden: Tensor = model.base_model(**inputs).last_hidden_state
    return hidden


def label_log_probabilities(
    model: PreTrainedModel, hidden: Tensor, packed: PackedAnswers
) -> Tensor:
    """Log-probability of every label, [B, K, T] float32 with gradients; 0 where there is none.

    Only the places that predict a label reach the vocabulary projection.

    Args:
        model: whose output projection.
        hidden: of the rows, see `hidden_states`.
        packed: of which the columns and labels count.
    """
    labels = packed.labels.to(hidden.device)
    known = labels != IGNORED
    logits = model.get_output_embeddings()(label_states(hidden, packed)).float()
    chosen = logits.gather(-1, labels[known][:, None])[:, 0] - logits.logsumexp(dim=-1)
    return torch.zeros(labels.shape, device=hidden.device).masked_scatter(known, chosen)


def state_divergence(model: PreTrainedModel, states: Tensor, reference: Tensor) -> Tensor:
    """KL(reference ‖ model) of the token that each state predicts, the sum over states, in nats.

    All of the vocabulary counts, not one token alone: two models that agree there write alike.

    Args:
        model: whose output projection, which both share.
        states: [n, hidden], see `label_states`; they get the gradient.
        reference: [n, hidden], of the same places, as another state of the model sees them.
    """
    head = model.get_output_embeddings()

    def divergence(mine: Tensor, other: Tensor) -> Tensor:
        log_p, log_q = (head(at).float().log_softmax(dim=-1) for at in (mine, other))
        return (log_q.exp() * (log_q - log_p)).sum()

    return sum_over_places(divergence, states, reference)


def sum_over_places(summed: Callable[..., Tensor], *states: Tensor) -> Tensor:
    """The sum of what a function of states makes of them, a few hundred places at a time.

    They are computed again for the gradient, so that memory does not grow with the vocabulary
    times all places.

    Args:
        summed: of as many tensors [m, hidden] as there are `states`, one number.
        states: each [n, hidden].
    """
    parts = zip(*(each.split(_PLACES) for each in states), strict=True)
    return torch.stack([checkpoint(summed, *part, use_reentrant=False) for part in parts]).sum()


def label_states(hidden: Tensor, packed: PackedAnswers) -> Tensor:
    """The states that predict a label, [n, hidden]: in the order of the labels.

    Args:
        hidden: of the rows, see `hidden_states`.
        packed: of which the columns and labels count.
    """
    known = (packed.labels != IGNORED).to(hidden.device)
    image = torch.arange(len(known), device=hidden.device)[:, None, None].expand_as(known)
    return hidden[image[known], packed.columns.to(hidden.device)[known]]


@dataclass(frozen=True)
class _Row:
    ids: list[int]
    segments: list[int]
    after_prompt: list[int]
    columns: list[list[int]]


def _layout(prompt: Sequence[int], answers: Sequence[Sequence[int]]) -> _Row:
    shared = _common_start(answers)
    prefix = len(prompt) + shared
    row = _Row(
        ids=[*prompt, *answers[0][:shared]],
        segments=[1] * prefix,
        after_prompt=[0] * len(prompt) + list(range(1, shared + 1)),
        columns=[],
    )
    for k, answer in enumerate(answers):
        start = len(row.ids)
        rest = len(answer) - shared
        row.columns.append(
            [*range(len(prompt) - 1, prefix), *range(start, start + rest - 1)][: len(answer)]
        )
        # The last token of an answer predicts nothing, so it is not computed.
        row.ids.extend(answer[shared:-1])
        row.segments.extend([k + 2] * max(rest - 1, 0))
        row.after_prompt.extend(range(shared + 1, len(answer)))
    return row


def _common_start(answers: Sequence[Sequence[int]]) -> int:
    """Number of tokens that all answers begin with, at most the shortest's but one."""
    columns = zip(*(answer[:-1] for answer in answers), strict=False)
    return next(
        (place for place, column in enumerate(columns) if len(set(column)) > 1),
        min(len(answer) for answer in answers) - 1,
    )
