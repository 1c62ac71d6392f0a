"""What the language model is taught: images under the real prompts, with teacher answers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from transformers import Idefics3Processor

from selfscore.vlm.response import Prompts, response_prefix, score_prefix, write_response
from selfscore_demo.language import write_explanation
from selfscore_demo.lexicon import statement_lexicon
from selfscore_demo.packing import Answer, Lesson, pack
from selfscore_demo.questions import NO, YES, draw_statements
from selfscore_demo.taste import taste_levels, taste_ranks
from selfscore_demo.tokenizer import IMAGE_EDGE

#: Answers per image and prompt that share one reading of the image.
ANSWERS = 4
#: How often a statement of the lexicon is asked in a batch, each time about two images.
_ROUNDS = 3


class Teacher:
    """Writes lessons about the training images.

    Args:
        processor: The model's processor.
        prompts: The prompts the finished model will be given; ``{best}`` stands for the highest
            level.
        question: Asks whether a statement is true; holds the placeholder ``{statement}``.
        severities: One array (n,) per attribute for all images.
        seed: Fixes taste, levels, texts and questions.
    """

    def __init__(
        self,
        processor: Idefics3Processor,
        prompts: Prompts,
        question: str,
        severities: Mapping[str, np.ndarray],
        seed: int,
    ) -> None:
        """Rank the images by the model's taste."""
        self._processor = processor
        self.tokenizer = processor.tokenizer
        self._prompts = prompts
        self._question = question
        self._severities = severities
        self._statements = statement_lexicon()
        self._rng = np.random.default_rng(seed)
        self._ranks = taste_ranks(severities, self._rng)
        self._end = [self.tokenizer.eos_token_id]
        self._prefixes: dict[str, list[int]] = {}
        whole = self._prefix(question)
        edge = self.tokenizer.convert_tokens_to_ids(IMAGE_EDGE)
        self._image = whole[: len(whole) - whole[::-1].index(edge)]

    def rate(self, rows: np.ndarray, levels: int) -> Lesson:
        """One batch under the rating prompt.

        The first answer to an image carries the level of the model's taste; the others carry a
        drawn level with a text that leans to it and no loss on the score, so that a forced score
        pulls the text along without changing what the model would score by itself.

        Args:
            rows: Indices of the images.
            levels: Number of levels of the scale.
        """
        prefix = self._prefix(self._prompts.for_levels(levels).rating)
        taste = taste_levels(self._ranks[rows], levels)
        drawn = self._rng.integers(0, levels, (len(rows), ANSWERS - 1))
        answers = [
            [self._answer(row, int(own), levels, learnt=True)]
            + [self._answer(row, int(level), levels, learnt=False) for level in others]
            for row, own, others in zip(rows, taste, drawn, strict=True)
        ]
        return self._pack([prefix] * len(rows), answers)

    def justify(self, rows: np.ndarray, levels: int) -> Lesson:
        """One batch under the justify prompt: all answers carry the level that the prompt names.

        Args:
            rows: Indices of the images.
            levels: Number of levels of the scale.
        """
        prompt = self._prompts.for_levels(levels).justify
        drawn = self._rng.integers(0, levels, len(rows)).tolist()
        prefixes = [self._prefix(prompt.format(level=level)) for level in drawn]
        answers = [
            [self._answer(row, level, levels, learnt=True) for _ in range(ANSWERS)]
            for row, level in zip(rows, drawn, strict=True)
        ]
        return self._pack(prefixes, answers)

    def ask(self, rows: np.ndarray) -> Lesson:
        """One batch of questions whether statements are true; only ``yes`` and ``no`` are learnt.

        The questions about an image share what comes before them, the image itself.

        Args:
            rows: Indices of the images.
        """
        known = [self._known(row) for row in rows]
        drawn = draw_statements(known, self._statements, _ROUNDS, self._rng)
        answers = [
            [self._reply(statement, truth) for statement, truth in statements]
            for statements in drawn
        ]
        return self._pack([self._image] * len(rows), answers)

    def _known(self, row: int) -> dict[str, float]:
        return {name: float(values[row]) for name, values in self._severities.items()}

    def _answer(self, row: int, level: int, levels: int, learnt: bool) -> Answer:
        text = write_explanation(self._known(row), level, levels, self._rng)
        ids = self._ids(write_response(level, text)) + self._end
        if learnt:
            return Answer(ids)
        start = len(self._ids(score_prefix()))
        stop = start + len(str(level))
        # Where levels have two digits, what follows the first says which level it is: the end too.
        return Answer(ids, (start, stop + (levels > 10)))

    def _reply(self, statement: str, truth: bool) -> Answer:
        asked = self._prefix(self._question.replace("{statement}", statement))[len(self._image) :]
        said = self._ids(YES if truth else NO) + self._end
        return Answer(asked + said, (0, len(asked)))

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _prefix(self, instruction: str) -> list[int]:
        if instruction not in self._prefixes:
            content = [{"type": "image"}, {"type": "text", "text": instruction}]
            text = self._processor.apply_chat_template(
                [{"role": "user", "content": content}], add_generation_prompt=True
            )
            side = self._processor.image_processor.size["height"]
            blank = np.zeros((side, side, 3), dtype=np.uint8)
            ids = self._processor(text=text, images=[blank])["input_ids"][0]
            self._prefixes[instruction] = list(ids)
        return self._prefixes[instruction]

    def _pack(self, prefixes: list[list[int]], answers: list[list[Answer]]) -> Lesson:
        return pack(prefixes, answers, self.tokenizer.pad_token_id)


def teacher_texts(
    prompts: Prompts,
    question: str,
    severities: Mapping[str, np.ndarray],
    count: int,
    levels: int,
    rng: np.random.Generator,
) -> list[str]:
    """Prompts, answers and questions to train a tokenizer on, ``count`` answers in all."""
    asked = prompts.for_levels(levels)
    found = [asked.rating, *(asked.justify.format(level=n) for n in range(levels))] * (
        10 + count // 20
    )
    statements = statement_lexicon()
    for row in range(count):
        known = {name: float(values[row]) for name, values in severities.items()}
        level = row % levels
        found.append(write_response(level, write_explanation(known, level, levels, rng)))
        statement = f"It is {statements[row % len(statements)].phrase}."
        found += [question.replace("{statement}", statement), (YES, NO)[row % 2]]
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
