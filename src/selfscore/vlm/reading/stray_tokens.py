"""Tokens that no accepted text has, and what a model holds for them within one.

A digit, a line break and ``#`` make up the score and the headings. Where one is written into a
text, what follows is a second answer: "The picture is9", and the format is broken.

Knows tokens and states; knows no preference and no true score.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from selfscore.vlm.reading.shared_prefix import sum_over_places
from selfscore.vlm.reading.tokens import token_texts

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from selfscore.vlm.model import VLM

_STRAY = re.compile(r"[\d\n#]")


def stray_tokens(vlm: VLM) -> Tensor:
    """[V] bool: the tokens that hold a digit, a line break or ``#``, on the model's device."""
    stray = [_STRAY.search(text) is not None for text in token_texts(vlm)]
    return torch.tensor(stray, device=vlm.device)


def stray_loss(model: PreTrainedModel, states: Tensor, stray: Tensor) -> Tensor:
    """-log(1 - p(stray)) of the token that each state predicts, the sum over states, in nats.

    Unlikelihood (Welleck et al., arXiv 1908.04319, eq. 3) of a set of tokens at once: the sum over
    a text is minus the log-probability that none of them is written instead of its next word.

    Args:
        model: whose output projection.
        states: [n, hidden], see `label_states`; they get the gradient.
        stray: [V] bool, see `stray_tokens`.
    """
    head = model.get_output_embeddings()

    def unlikelihood(at: Tensor) -> Tensor:
        logits = head(at).float()
        allowed = logits.masked_fill(stray, -torch.inf)
        return (logits.logsumexp(dim=-1) - allowed.logsumexp(dim=-1)).sum()

    return sum_over_places(unlikelihood, states)
