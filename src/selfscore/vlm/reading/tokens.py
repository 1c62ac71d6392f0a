"""From an instruction and a response, or its start, to tokens, by the chat template.

Knows how a turn is rendered and tokenised, and where its tokens stand; runs no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from selfscore.vlm.image_features import ImageFeatures
from selfscore.vlm.reading.features import image_token
from selfscore.vlm.reading.remembered import Remembered
from selfscore.vlm.response import Prompts, response_prefix

if TYPE_CHECKING:
    from selfscore.vlm.model import VLM

# A template is filled in for every level, and for every batch.
_LEVELS: Remembered[tuple[str, int], tuple[list[int], list[list[int]]]] = Remembered(8)
_PROMPTS: Remembered[tuple[str, str], list[int]] = Remembered(64)


def render(vlm: VLM, instruction: str, response: str = "") -> str:
    """One turn about one image as text, up to the end of `response`.

    Args:
        vlm: whose chat template is used.
        instruction: what is asked of the image.
        response: the start of the answer; "" ends where the model begins to answer.
    """
    if not response:
        return vlm.processor.apply_chat_template(_question(instruction), add_generation_prompt=True)
    return vlm.processor.apply_chat_template(
        [*_question(instruction), _answer(response)], continue_final_message=True
    )


def prompt_ids(vlm: VLM, placeholder: str, instruction: str) -> list[int]:
    """Tokens of an instruction about an image, image tokens included.

    Args:
        vlm: whose chat template and tokenizer are used.
        placeholder: what stands for the image, see `ImageFeatures`.
        instruction: what is asked of the image.

    Raises:
        ValueError: the instruction holds the token that stands for an image.
    """
    token = image_token(vlm)
    if token in instruction:
        raise ValueError(
            f"The prompt {instruction!r} holds '{token}', which this model reads as a picture. "
            "Leave it out of `prompts`: the picture stands before the prompt already."
        )
    return _tokens(vlm, render(vlm, instruction).replace(token, placeholder))


def prompts_of(vlm: VLM, features: Sequence[ImageFeatures], instruction: str) -> list[list[int]]:
    """Tokens of one instruction about every image, see `prompt_ids`.

    Args:
        vlm: whose chat template and tokenizer are used.
        features: of the images; what stands for them in a prompt.
        instruction: what is asked of each.
    """
    return [
        _PROMPTS.of(
            vlm.processor,
            (row.placeholder, instruction),
            partial(prompt_ids, vlm, row.placeholder, instruction),
        )
        for row in features
    ]


def start_ids(vlm: VLM, instruction: str, response_start: str) -> list[int]:
    """Tokens of a forced start of a response, none for "".

    Prompt and response are tokenised apart, as training does, so that a response begins with the
    same tokens whether it is forced, free, or trained on.
    """
    if not response_start:
        return []
    return _tokens(vlm, _after_prompt(vlm, instruction, render(vlm, instruction, response_start)))


def answer_ids(vlm: VLM, instruction: str, response: str) -> list[int]:
    """Tokens of a whole response as training sees them: the text and the token that ends it.

    What a chat template writes after the end, such as a line break, is never generated and is
    left out.

    Raises:
        ValueError: the response holds the token that stands for an image.
    """
    whole = vlm.processor.apply_chat_template([*_question(instruction), _answer(response)])
    ids = _tokens(vlm, _after_prompt(vlm, instruction, whole))
    if vlm.model.config.image_token_id in ids:
        raise ValueError(
            f"The response {response!r} holds the model's image token, so it cannot be told from "
            "a picture: drop it with a quality gate."
        )
    ends = end_tokens(vlm)
    end = next((place for place, token in enumerate(ids) if token in ends), len(ids) - 1)
    return ids[: end + 1]


def end_tokens(vlm: VLM) -> set[int]:
    """The tokens that end a response."""
    configured = vlm.model.generation_config.eos_token_id
    ends = set(configured if isinstance(configured, list) else [configured])
    return (ends | {vlm.tokenizer.eos_token_id}) - {None}


def token_texts(vlm: VLM) -> list[str]:
    """What each token of the vocabulary adds to a text, V strings.

    Some decoders drop the space before a text's first word, so each is read behind a colon. A model
    may have rows in its vocabulary that no token stands for: "".
    """
    tokenizer = vlm.tokenizer
    anchor = tokenizer(":", add_special_tokens=False)["input_ids"][-1:]
    before = len(tokenizer.decode(anchor))
    pairs = [[*anchor, token] for token in range(len(tokenizer))]
    decoded = tokenizer.batch_decode(pairs, clean_up_tokenization_spaces=False)
    rows = vlm.model.get_output_embeddings().weight.shape[0]
    return [text[before:] for text in decoded] + [""] * (rows - len(decoded))


def pad_token(vlm: VLM) -> int:
    """A token for places that nothing looks at."""
    token = vlm.tokenizer.pad_token_id
    return int(token if token is not None else vlm.tokenizer.eos_token_id)


def check_prompts(vlm: VLM, prompts: Prompts, levels: int) -> None:
    """Stop before anything is computed with a model that cannot be asked in this way.

    Args:
        vlm: whose template and tokenizer.
        prompts: what it will be asked.
        levels: number of levels that it will be asked for.

    Raises:
        ValueError: a prompt holds the token of an image, the chat template does not go on from the
            prompt, or the tokenizer writes two levels alike.
    """
    for instruction in (prompts.rating, prompts.justify):
        prompt_ids(vlm, image_token(vlm), instruction)
        level_strings(vlm, instruction, levels)


def left_pad(rows: Sequence[Sequence[int]], pad: int) -> tuple[Tensor, Tensor]:
    """Token ids and their mask [B, L], the rows flush right."""
    longest = max(len(row) for row in rows)
    ids = torch.tensor([[pad] * (longest - len(row)) + list(row) for row in rows])
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
    return ids, mask


def positions(vlm: VLM, ids: Tensor, mask: Tensor, features: Sequence[ImageFeatures]) -> Tensor:
    """Position ids of prompts with their images: [B, L], or [3, B, L] with M-RoPE.

    Args:
        vlm: whose positions.
        ids: [B, L] tokens.
        mask: [B, L], 0 where a place is padding.
        features: of the B images; their grids decide M-RoPE's positions.
    """
    inner = vlm.model.base_model
    if features[0].grid is None or not hasattr(inner, "get_rope_index"):
        return (mask.cumsum(dim=-1) - 1).clamp(min=0)
    grids = torch.cat([row.grid for row in features if row.grid is not None])
    placed, _ = inner.get_rope_index(
        ids,
        mm_token_type_ids=(ids == vlm.model.config.image_token_id).int(),
        image_grid_thw=grids.to(ids.device),
        attention_mask=mask,
    )
    return placed


def level_strings(vlm: VLM, instruction: str, levels: int) -> tuple[list[int], list[list[int]]]:
    """The tokens of a response up to the score, and the tokens by which each level is told there.

    A level's tokens include the one behind it, with which the level ends, so that none begins
    with another: `1` and `13` part at the line break.

    Returns:
        The tokens of ``#Score: `` as a start, and `levels` lists of tokens.

    Raises:
        ValueError: the tokenizer writes two levels alike.
    """
    find = partial(_level_strings, vlm, instruction, levels)
    return _LEVELS.of(vlm.processor, (instruction, levels), find)


def _level_strings(vlm: VLM, instruction: str, levels: int) -> tuple[list[int], list[list[int]]]:
    rows = [start_ids(vlm, instruction, response_prefix(level)) for level in range(levels)]
    if len(set(map(tuple, rows))) < levels:
        raise ValueError(
            f"This model's tokenizer does not tell all of the levels 0 to {levels - 1} apart. "
            "Choose a model whose tokenizer knows digits."
        )
    start, ends = parting(rows)
    return rows[0][:start], [row[start:end] for row, end in zip(rows, ends, strict=True)]


def parting(rows: Sequence[Sequence[int]]) -> tuple[int, list[int]]:
    """Where rows of tokens that begin and end alike differ.

    Returns:
        How many tokens all begin with, and for each row the place behind the first token from which
        on all are the same again.
    """
    start = _common(rows)
    behind = _common([row[start:][::-1] for row in rows])
    return start, [len(row) - max(behind - 1, 0) for row in rows]


def _common(rows: Sequence[Sequence[int]]) -> int:
    """Number of tokens that all rows begin with."""
    columns = zip(*rows, strict=False)
    shortest = min(map(len, rows))
    return next((i for i, column in enumerate(columns) if len(set(column)) > 1), shortest)


def _question(instruction: str) -> list[Any]:
    return [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": instruction}]}]


def _answer(text: str) -> Any:
    return {"role": "assistant", "content": [{"type": "text", "text": text}]}


def _after_prompt(vlm: VLM, instruction: str, whole: str) -> str:
    prompt = render(vlm, instruction)
    if not whole.startswith(prompt):
        raise ValueError(
            "The model's chat template does not write a conversation as its prompt followed by the "
            "answer, so answers cannot be forced or weighed. Choose a model with a plain template."
        )
    return whole[len(prompt) :]


def _tokens(vlm: VLM, text: str) -> list[int]:
    ids: list[int] = vlm.tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids
