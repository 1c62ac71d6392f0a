"""The base model as its own judge: it reads an explanation without any picture.

The model stays as it was before the first round, so it cannot drift with the policies it judges.
Knows a loaded model and its chat template; trains nothing and writes no text.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from selfscore.judging.judge import without_score_words
from selfscore.judging.settings import Reading
from selfscore.vlm.batches import ShrinkingBatch, in_batches
from selfscore.vlm.reading.tokens import left_pad, level_strings, pad_token, parting
from selfscore.vlm.response import response_prefix

if TYPE_CHECKING:
    from torch import Tensor

    from selfscore.vlm.model import VLM

# Tokens, and how many of them are given; the others are told by the model.
_Row = tuple[list[int], int]

QUESTION = 'A picture is described like this: "{explanation}" {rating}'


@dataclass(frozen=True)
class FrozenModelJudge:
    """The level an explanation sounds like to the base model, without the picture.

    The model gives a distribution over levels in one of two ways:

    - `direct`: the explanation stands in the question, and the distribution is that of the score
      of the answer, as a whole string where it is more than one token. One forward pass a text, or
      one a level and text, and no generation. For models that follow instructions.
    - `channel`: how likely is this explanation after each score, under the rating prompt alone?
      Bayes' rule with equal levels gives the distribution (Min et al. 2022, "Noisy channel
      language model prompting", https://arxiv.org/abs/2108.04106). One row a level and text. It
      asks for nothing but what the model was made for, explaining a score, so it also suits small
      models that never saw a question without a picture.

    A model favours some levels whatever it reads, so what it expects of no text at all is
    subtracted: inferred = middle of the scale + E[level | text] - E[level | no text], cut off at
    the ends of the scale. With no text `channel` expects the middle, so nothing changes there.

    Attributes:
        vlm: The loaded base model.
        rating: The prompt that asks for a score and its explanation.
        n_levels: Number of levels of the scale.
        reading: `channel` or `direct`.
        batch_size: Rows in one forward pass; does not change the levels.
        checkpoint: What this judge has read already, see `in_batches`; None keeps nothing.
    """

    vlm: VLM
    rating: str
    n_levels: int
    reading: Reading = "channel"
    batch_size: int = 128
    checkpoint: MutableMapping[str, bytes] | None = None
    name = "self"

    def infer_levels(self, explanations: Sequence[str]) -> NDArray[np.float64]:
        """The level of each explanation, not rounded, never NaN; see `Judge`.

        Raises:
            ValueError: With `direct`, the tokenizer writes two levels alike.
        """
        read = [without_score_words(text) for text in explanations]
        # Several images can share a text, and the empty one stands for no text.
        texts = list(dict.fromkeys(["", *read]))
        distributions = self._direct(texts) if self.reading == "direct" else self._channel(texts)
        expected = dict(zip(texts, distributions @ np.arange(self.n_levels), strict=True))
        middle = (self.n_levels - 1) / 2
        levels = [middle + expected[text] - expected[""] for text in read]
        return np.clip(np.asarray(levels, dtype=np.float64), 0.0, self.n_levels - 1.0)

    def _direct(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """P(level | text) of the answer's score, [len(texts), n_levels]."""
        _, strings = level_strings(self.vlm, self.rating, self.n_levels)
        questions = [QUESTION.format(explanation=text, rating=self.rating) for text in texts]
        if any(len(ids) != 2 for ids in strings):
            return self._over_levels([row for asked in questions for row in self._answers(asked)])
        tokens = [ids[0] for ids in strings]
        before = [self._turn(asked, response_prefix(0)).rpartition("0\n")[0] for asked in questions]

        @torch.inference_mode()
        def read(batch: Sequence[_Row]) -> list[list[float]]:
            ids, mask = self._padded(batch)
            logits = self._logits(ids, mask, keep=1)
            return logits[:, -1, tokens].double().softmax(dim=-1).tolist()

        return self._in_batches([(self._tokens(turn), 0) for turn in before], read)

    def _answers(self, question: str) -> list[_Row]:
        """The answers with each level, up to the token that ends it; the level is what is told."""
        rows = [
            self._tokens(self._turn(question, response_prefix(level)))
            for level in range(self.n_levels)
        ]
        start, ends = parting(rows)
        return [(row[:end], start) for row, end in zip(rows, ends, strict=True)]

    def _channel(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """P(level | text) from P(text | level) and equal levels, [len(texts), n_levels]."""
        starts = [self._turn(self.rating, response_prefix(n)) for n in range(self.n_levels)]
        before = [len(self._tokens(start)) for start in starts]
        rows = [
            (self._tokens(f"{start} {text}".rstrip()), known)
            for text in texts
            for start, known in zip(starts, before, strict=True)
        ]
        return self._over_levels(rows)

    def _over_levels(self, rows: Sequence[_Row]) -> NDArray[np.float64]:
        """Distributions over the levels from one row a text and level, [texts, n_levels]."""

        @torch.inference_mode()
        def read(batch: Sequence[_Row]) -> list[float]:
            ids, mask = self._padded(batch)
            lengths = torch.tensor([len(row) - known for row, known in batch], device=ids.device)
            longest = int(lengths.max())
            if longest == 0:
                return [0.0] * len(batch)
            logits = self._logits(ids, mask, keep=longest + 1)[:, -longest - 1 : -1]
            told = logits.float().log_softmax(dim=-1)
            told = told.gather(-1, ids[:, -longest:, None])[..., 0].double()
            # Rows are flush right: the last `length` places are what is told.
            places = torch.arange(longest, 0, -1, device=ids.device)
            return told.masked_fill(places > lengths[:, None], 0.0).sum(dim=1).tolist()

        likelihoods = torch.from_numpy(self._in_batches(rows, read))
        return likelihoods.view(-1, self.n_levels).softmax(dim=-1).numpy()

    def _turn(self, question: str, response_start: str) -> str:
        """A turn without a picture, up to the forced start of the answer."""
        messages: list[Any] = [
            {"role": "user", "content": [{"type": "text", "text": question}]},
            {"role": "assistant", "content": [{"type": "text", "text": response_start}]},
        ]
        return self.vlm.processor.apply_chat_template(messages, continue_final_message=True)

    def _tokens(self, turn: str) -> list[int]:
        ids: list[int] = self.vlm.tokenizer(turn, add_special_tokens=False)["input_ids"]
        return ids

    def _padded(self, batch: Sequence[_Row]) -> tuple[Tensor, Tensor]:
        """Token ids and their mask [B, L], the rows flush right."""
        ids, mask = left_pad([row for row, _ in batch], pad_token(self.vlm))
        return ids.to(self.vlm.device), mask.to(self.vlm.device)

    def _logits(self, ids: Tensor, mask: Tensor, keep: int) -> Tensor:
        model = self.vlm.model
        return model(
            input_ids=ids, attention_mask=mask, use_cache=False, logits_to_keep=keep
        ).logits

    def _in_batches(
        self, rows: Sequence[_Row], read: Callable[[Sequence[_Row]], list[Any]]
    ) -> NDArray[np.float64]:
        """What is read of every row, [len(rows)] or [len(rows), n_levels]."""
        fitting = ShrinkingBatch("evaluation.judging.self.batch_size")
        batches = in_batches(
            rows,
            self.batch_size,
            lambda batch: fitting.fit(read, batch),
            self.checkpoint,
            name=self.reading,
            description="judging",
            unit=" readings",
            engine=self.vlm.engine,
        )
        return np.array([row for batch in batches for row in batch])
