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
from selfscore.vlm.reading.tokens import level_tokens
from selfscore.vlm.response import response_prefix

if TYPE_CHECKING:
    from torch import Tensor

    from selfscore.vlm.model import VLM

QUESTION = 'A picture is described like this: "{explanation}" {rating}'


@dataclass(frozen=True)
class FrozenModelJudge:
    """The level an explanation sounds like to the base model, without the picture.

    The model gives a distribution over levels in one of two ways:

    - `direct`: the explanation stands in the question, and the distribution is that of the score
      token of the answer. One forward pass a text, no generation. For models that follow
      instructions.
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
            ValueError: With `direct`, the tokenizer does not write every level as one token.
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
        """P(level | text) of the score token, [len(texts), n_levels]."""
        _, tokens = level_tokens(self.vlm, self.rating, self.n_levels)
        turns = []
        for text in texts:
            question = QUESTION.format(explanation=text, rating=self.rating)
            before_level, _, _ = self._turn(question, response_prefix(0)).rpartition("0\n")
            turns.append(before_level)

        @torch.inference_mode()
        def read(batch: Sequence[str]) -> list[list[float]]:
            logits = self._logits(self._tokenize(batch), keep=1)
            return logits[:, -1, tokens].double().softmax(dim=-1).tolist()

        return self._in_batches(turns, read)

    def _channel(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """P(level | text) from P(text | level) and equal levels, [len(texts), n_levels]."""
        starts = [self._turn(self.rating, response_prefix(n)) for n in range(self.n_levels)]
        # The same text follows every level, so its tokens are counted once.
        n_start = len(self._tokenize(starts[:1])["input_ids"][0])
        turns = [f"{start} {text}".rstrip() for text in texts for start in starts]

        @torch.inference_mode()
        def read(batch: Sequence[str]) -> list[float]:
            inputs = self._tokenize(batch)
            ids, mask = inputs["input_ids"], inputs["attention_mask"]
            lengths = mask.sum(dim=1) - n_start
            longest = int(lengths.max())
            if longest == 0:
                return [0.0] * len(batch)
            logits = self._logits(inputs, keep=longest + 1)[:, -longest - 1 : -1]
            told = logits.float().log_softmax(dim=-1)
            told = told.gather(-1, ids[:, -longest:, None])[..., 0].double()
            # Rows are flush right: the last `length` places are the explanation.
            places = torch.arange(longest, 0, -1, device=ids.device)
            return told.masked_fill(places > lengths[:, None], 0.0).sum(dim=1).tolist()

        likelihoods = torch.from_numpy(self._in_batches(turns, read))
        likelihoods = likelihoods.view(len(texts), self.n_levels)
        return likelihoods.softmax(dim=-1).numpy()

    def _turn(self, question: str, response_start: str) -> str:
        """A turn without a picture, up to the forced start of the answer."""
        messages: list[Any] = [
            {"role": "user", "content": [{"type": "text", "text": question}]},
            {"role": "assistant", "content": [{"type": "text", "text": response_start}]},
        ]
        return self.vlm.processor.apply_chat_template(messages, continue_final_message=True)

    def _tokenize(self, turns: Sequence[str]) -> dict[str, Tensor]:
        """Token ids and their mask [B, L], the rows flush right."""
        inputs = self.vlm.tokenizer(
            list(turns),
            padding=True,
            padding_side="left",
            add_special_tokens=False,
            return_tensors="pt",
        ).to(self.vlm.device)
        return {"input_ids": inputs["input_ids"], "attention_mask": inputs["attention_mask"]}

    def _logits(self, inputs: dict[str, Tensor], keep: int) -> Tensor:
        return self.vlm.model(**inputs, use_cache=False, logits_to_keep=keep).logits

    def _in_batches(
        self, turns: Sequence[str], read: Callable[[Sequence[str]], list[Any]]
    ) -> NDArray[np.float64]:
        """What is read of every turn, [len(turns)] or [len(turns), n_levels]."""
        fitting = ShrinkingBatch("evaluation.judging.self.batch_size")
        batches = in_batches(
            turns,
            self.batch_size,
            lambda batch: fitting.fit(read, batch),
            self.checkpoint,
            name=self.reading,
            description="judging",
            unit=" readings",
        )
        return np.array([row for batch in batches for row in batch])
