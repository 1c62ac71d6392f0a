"""What the language model is taught: images under the real prompts, with teacher answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from transformers import Idefics3Processor

from selfscore.vlm.response import Prompts, response_prefix, score_prefix, write_response
from selfscore_demo.language import write_explanation

#: Answers per image and prompt that share one reading of the image.
ANSWERS = 4


@dataclass(frozen=True)
class Lesson:
    """One batch: a shared prefix per image and several answers after it.

    Attributes:
        tokens: (batch, length) token ids: a prefix and its answers, padded on the right.
        positions: Position ids of the same shape; every answer starts where the prefix ends.
        weights: Loss weight of predicting each token, 0 for prefix, padding and drawn scores.
        answer: Which answer a token belongs to, 0 for the prefix, -1 for padding.
    """

    tokens: torch.Tensor
    positions: torch.Tensor
    weights: torch.Tensor
    answer: torch.Tensor


class Teacher:
    """Writes lessons about the training images.

    Args:
        processor: The model's processor.
        prompts: The prompts the finished model will be given.
        levels: Number of score levels.
        seed: Fixes levels, texts and prompts.
    """

    def __init__(
        self, processor: Idefics3Processor, prompts: Prompts, levels: int, seed: int
    ) -> None:
        """Prepare the prompts."""
        self._processor = processor
        self.tokenizer = processor.tokenizer
        self._prompts = prompts
        self._levels = levels
        self._rng = np.random.default_rng(seed)
        self._rating = self._prefix(prompts.rating)
        self._justify = [self._prefix(prompts.justify.format(level=n)) for n in range(levels)]
        self._score_place = len(self._ids(score_prefix()))
        self._end = [self.tokenizer.eos_token_id]

    def lesson(
        self,
        severities: Mapping[str, np.ndarray],
        taste: np.ndarray,
        rows: np.ndarray,
        justify: bool,
    ) -> Lesson:
        """Write one batch of prefixes and answers.

        Under the rating prompt the first answer carries the level of the model's taste; the others
        carry a drawn level with a text that leans to it and no loss on the score, so that a forced
        score pulls the text along without changing what the model would score by itself.
        Under the justify prompt all answers carry the level the prompt names.

        Args:
            severities: One array (n,) per attribute for all images.
            taste: Level of each image by the model's taste, shape (n,).
            rows: Indices of the images in this batch.
            justify: Which prompt.
        """
        prefixes, answers, scored = [], [], []
        for row in rows:
            known = {name: float(values[row]) for name, values in severities.items()}
            drawn = self._rng.integers(0, self._levels, ANSWERS)
            own = [not justify and place == 0 for place in range(ANSWERS)]
            if justify:
                drawn[:] = drawn[0]
            else:
                drawn[0] = taste[row]
            prefixes.append(self._justify[drawn[0]] if justify else self._rating)
            texts = [write_explanation(known, int(n), self._levels, self._rng) for n in drawn]
            answers.append(
                [
                    self._ids(write_response(int(n), text)) + self._end
                    for n, text in zip(drawn, texts, strict=True)
                ]
            )
            scored.append([justify or mine for mine in own])
        return self._pack(prefixes, answers, scored)

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _prefix(self, instruction: str) -> list[int]:
        content = [{"type": "image"}, {"type": "text", "text": instruction}]
        text = self._processor.apply_chat_template(
            [{"role": "user", "content": content}], add_generation_prompt=True
        )
        side = self._processor.image_processor.size["height"]
        blank = np.zeros((side, side, 3), dtype=np.uint8)
        return list(self._processor(text=text, images=[blank])["input_ids"][0])

    def _pack(
        self, prefixes: list[list[int]], answers: list[list[list[int]]], scored: list[list[bool]]
    ) -> Lesson:
        prefix = len(prefixes[0])
        longest = max(sum(len(ids) for ids in group) for group in answers)
        shape = (len(prefixes), prefix + longest)
        tokens = torch.full(shape, self.tokenizer.pad_token_id)
        positions = torch.zeros(shape, dtype=torch.long)
        weights = torch.zeros(shape)
        answer = torch.full(shape, -1)
        positions[:, :prefix] = torch.arange(prefix)
        answer[:, :prefix] = 0
        for row, group in enumerate(answers):
            tokens[row, :prefix] = torch.tensor(prefixes[row])
            start = prefix
            for place, ids in enumerate(group):
                stop = start + len(ids)
                tokens[row, start:stop] = torch.tensor(ids)
                positions[row, start:stop] = torch.arange(prefix, prefix + len(ids))
                weights[row, start:stop] = 1.0
                answer[row, start:stop] = place + 1
                if not scored[row][place]:
                    weights[row, start + self._score_place] = 0.0
                start = stop
        return Lesson(tokens, positions, weights, answer)


def teacher_texts(
    prompts: Prompts,
    severities: Mapping[str, np.ndarray],
    count: int,
    levels: int,
    rng: np.random.Generator,
) -> list[str]:
    """Prompts and answers to train a tokenizer on, ``count`` answers in all."""
    found = [prompts.rating, *(prompts.justify.format(level=n) for n in range(levels))] * (
        10 + count // 20
    )
    for row in range(count):
        known = {name: float(values[row]) for name, values in severities.items()}
        level = row % levels
        found.append(write_response(level, write_explanation(known, level, levels, rng)))
    return found


def check_prefix_property(processor: Idefics3Processor, levels: int) -> None:
    """Make sure a forced start of an answer tokenises as the start of the whole answer.

    Raises:
        ValueError: If it does not, for any level.
    """
    tokenizer = processor.tokenizer
    for level in range(levels):
        start = tokenizer(response_prefix(level))["input_ids"]
        whole = tokenizer(write_response(level, "The picture is sharp."))["input_ids"]
        if whole[: len(start)] != start:
            raise ValueError(
                f"'{response_prefix(level)}' is not a token prefix of a whole answer; "
                "keep digits and line breaks apart in the tokenizer."
            )
