"""Which tokens may come next, so that an explanation cannot break the response format.

Knows tokens and the format's text; knows no score, image or policy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from selfscore.vlm.reading.tokens import end_tokens, token_texts

if TYPE_CHECKING:
    from selfscore.vlm.model import VLM

# What a decoder puts for bytes that are only a part of a character.
_PART = "\ufffd"


@dataclass(frozen=True)
class ExplanationGrammar:
    """The tokens that may continue ``#Explanation:``, as `parse_response` reads it.

    One space and a visible character come first; then anything but a line break and ``#``, until
    the answer ends.

    Attributes:
        first: [V] bool, tokens that may come first.
        space: [V] bool, those of them that are the space alone.
        begin: [V] bool, what may follow the space alone.
        text: [V] bool, what may follow once the text has begun, the tokens that end it included.
    """

    first: Tensor
    space: Tensor
    begin: Tensor
    text: Tensor

    def mask(self, log_probabilities: Tensor, last: Tensor | None, step: int) -> Tensor:
        """`log_probabilities` [B, V] with -inf for every token that would break the format.

        Args:
            log_probabilities: of the next token.
            last: [B] tokens written last; None at the first step.
            step: number of tokens written so far, the same for all rows.
        """
        if last is None:
            allowed = self.first
        elif step == 1:
            allowed = torch.where(self.space[last][:, None], self.begin, self.text)
        else:
            allowed = self.text
        return log_probabilities.masked_fill(~allowed, -torch.inf)


def explanation_grammar(vlm: VLM) -> ExplanationGrammar:
    """The grammar in a model's tokens, on its device.

    Raises:
        ValueError: no token of the tokenizer can begin a text.
    """
    ends = end_tokens(vlm)
    special = ends.union(vlm.tokenizer.all_special_ids)
    texts = ["" if token in special else text for token, text in enumerate(token_texts(vlm))]

    begin = torch.tensor([_begins(text) for text in texts])
    space = torch.tensor([text == " " for text in texts]) & begin.any()
    first = space | torch.tensor([text[:1] == " " and _begins(text[1:]) for text in texts])
    text = torch.tensor([_goes_on(text) or token in ends for token, text in enumerate(texts)])
    if not first.any():
        raise ValueError("The model's tokenizer has no token that a text could begin with.")
    return ExplanationGrammar(*(mask.to(vlm.device) for mask in (first, space, begin, text)))


def _goes_on(text: str) -> bool:
    return bool(text) and "\n" not in text and "#" not in text


def _begins(text: str) -> bool:
    return _goes_on(text) and not text[0].isspace() and not text.startswith(_PART)
