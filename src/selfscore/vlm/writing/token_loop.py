"""The loop that writes tokens: one prefill for all answers to a prompt, rows that end leave early.

Knows token ids, the key-value cache and positions; knows no text, level or pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from selfscore.vlm.reading.shared_prefix import image_outputs
from selfscore.vlm.reading.tokens import end_tokens, left_pad, pad_token, positions
from selfscore.vlm.writing.cache import roomy_cache
from selfscore.vlm.writing.sampling import row_draws, sample

if TYPE_CHECKING:
    from selfscore.vlm.image_features import ImageFeatures
    from selfscore.vlm.model import VLM
    from selfscore.vlm.options import Decoding
    from selfscore.vlm.writing.grammar import ExplanationGrammar

# Rows that ended are taken out once they are this share of the batch; each time the cache of the
# others is copied once.
_RETIRE = 0.25


@dataclass(frozen=True)
class Continuation:
    """What was written after a forced start.

    Attributes:
        ids: the new tokens, with the one that ends the answer if it was reached.
        log_probability: of the forced start and of `ids`, summed over tokens, whatever a grammar
            left to choose from.
    """

    ids: list[int]
    log_probability: float


class Prefill:
    """B prompts run through the model once, ready to be continued.

    The last token of each prompt is held back: it is the first that a continuation is fed, so all
    logits of the answer come from there on.

    Args:
        vlm: the loaded policy.
        prompts: B token lists, image tokens included.
        features: of the B images.
    """

    @torch.inference_mode()
    def __init__(
        self, vlm: VLM, prompts: Sequence[Sequence[int]], features: Sequence[ImageFeatures]
    ) -> None:
        self._vlm = vlm
        ids, mask = left_pad(prompts, pad_token(vlm))
        placed = positions(vlm, ids, mask, features)
        self._mask = mask[:, :-1].to(vlm.device)
        self._last = ids[:, -1]
        self._next_position = placed[..., -1].to(vlm.device)
        self._cache = roomy_cache()
        vlm.model.base_model(
            input_ids=ids[:, :-1].to(vlm.device),
            attention_mask=self._mask,
            position_ids=placed[..., :-1].to(vlm.device),
            past_key_values=self._cache,
            use_cache=True,
            **image_outputs(torch.cat([row.tokens for row in features]).to(vlm.device)),
        )

    @torch.inference_mode()
    def next_logits(self, start: Sequence[int]) -> Tensor:
        """Logits [B, V] of the token after `start`, the same start for every prompt."""
        rows = _Rows(self, torch.arange(len(self._last)), [list(start)] * len(self._last))
        logits = rows.feed_starts()[:, -1]
        self._cache.crop(-(len(start) + 1))
        return logits

    @torch.inference_mode()
    def write(
        self,
        prompt_of: Sequence[int],
        starts: Sequence[Sequence[int]],
        seeds: Sequence[int],
        decoding: Decoding,
        grammar: ExplanationGrammar | None = None,
    ) -> list[Continuation]:
        """Continue the prompts; uses the prefill up.

        Args:
            prompt_of: R indices of prompts, in ascending order; a prompt may be continued often.
            starts: R forced starts; each may be empty.
            seeds: R seeds of the rows' random streams.
            decoding: how.
            grammar: what may be written; None for anything.
        """
        rows = _Rows(self, torch.tensor(list(prompt_of)), starts)
        rows.take_prompts()
        logits = rows.feed_starts().float().log_softmax(dim=-1)
        total = rows.start_log_probabilities(logits)
        scores = logits[:, -1]
        draws = row_draws(seeds, decoding.max_new_tokens).to(scores.device)
        ends = torch.tensor(sorted(end_tokens(self._vlm)), device=scores.device)
        written: list[list[int]] = [[] for _ in starts]
        active = torch.arange(len(starts), device=scores.device)
        open_ = torch.ones_like(active, dtype=torch.bool)
        tokens = None
        for step in range(decoding.max_new_tokens):
            if grammar is not None:
                scores = grammar.mask(scores, tokens, step)
            tokens = sample(scores, draws[active, step], decoding.temperature)
            total[active] += scores.gather(-1, tokens[:, None])[:, 0].double() * open_
            for place, token, alive in zip(
                active.tolist(), tokens.tolist(), open_.tolist(), strict=True
            ):
                if alive:
                    written[place].append(token)
            open_ = open_ & ~torch.isin(tokens, ends)
            left = int(open_.sum())
            if not left or step + 1 == decoding.max_new_tokens:
                break
            if left <= (1 - _RETIRE) * len(active):
                kept = open_.nonzero()[:, 0]
                rows.keep(kept)
                active, tokens, open_ = active[kept], tokens[kept], open_[kept]
            scores = rows.feed(tokens[:, None])[:, -1].float().log_softmax(dim=-1)
        return [Continuation(ids, float(value)) for ids, value in zip(written, total, strict=True)]


class _Rows:
    """The rows of a prefill that are being continued: cache, mask and positions, kept in step."""

    def __init__(
        self, prefill: Prefill, prompt_of: Tensor, starts: Sequence[Sequence[int]]
    ) -> None:
        self._vlm = prefill._vlm
        self._cache = prefill._cache
        self._prompt_of = prompt_of.to(self._vlm.device)
        self._mask = prefill._mask[self._prompt_of]
        self._next_position = prefill._next_position[..., self._prompt_of]
        last = prefill._last[prompt_of]
        self._starts, self._starts_mask = left_pad(
            [[int(token), *start] for token, start in zip(last, starts, strict=True)],
            pad_token(self._vlm),
        )

    def take_prompts(self) -> None:
        """Give every row a cache of its own."""
        self._cache.batch_select_indices(self._prompt_of)

    def feed_starts(self) -> Tensor:
        """Feed the forced starts, flush right; logits [R, F, V]."""
        return self.feed(self._starts.to(self._vlm.device), self._starts_mask.to(self._vlm.device))

    def start_log_probabilities(self, logits: Tensor) -> Tensor:
        """Sum of the log-probabilities of the forced starts, [R] float64."""
        ids = self._starts[:, 1:].to(logits.device)
        # What stands behind padding or behind the prompt's last token is a token of the start.
        known = self._starts_mask[:, :-1].to(logits.device).bool()
        chosen = logits[:, :-1].gather(-1, ids[..., None])[..., 0].double()
        return chosen.masked_fill(~known, 0).sum(dim=-1)

    def feed(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """Run the next tokens [R, F] of every row; logits [R, F, V]."""
        mask = torch.ones_like(ids) if mask is None else mask
        self._mask = torch.cat([self._mask, mask], dim=1)
        steps = (mask.cumsum(dim=-1) - 1).clamp(min=0)
        position_ids = self._next_position[..., None] + steps
        self._next_position = self._next_position + mask.sum(dim=-1)
        model: Any = self._vlm.model
        hidden = model.base_model(
            input_ids=ids,
            attention_mask=self._mask,
            position_ids=position_ids,
            past_key_values=self._cache,
            use_cache=True,
        ).last_hidden_state
        logits: Tensor = model.get_output_embeddings()(hidden)
        return logits

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows alone."""
        self._cache.batch_select_indices(rows)
        self._mask = self._mask[rows]
        self._next_position = self._next_position[..., rows]
