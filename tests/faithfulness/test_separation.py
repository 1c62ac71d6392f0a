"""Separation of levels, held against plain passes over whole answers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from images import coloured_images

from selfscore.faithfulness.separation import separations
from selfscore.vlm.loading.loader import load_vlm
from selfscore.vlm.model import VLM
from selfscore.vlm.policy import Policy
from selfscore.vlm.reading.features import ImageEncoder
from selfscore.vlm.reading.tokens import answer_ids, level_strings, prompts_of
from selfscore.vlm.response import write_response

IMAGES = coloured_images(2)
RATING = "Rate it."


@pytest.fixture(scope="module")
def vlm(idefics3: Policy) -> VLM:
    return load_vlm(idefics3)


def likelihood(vlm: VLM, key: str, level: int, text: str) -> float:
    """log p(text | image, level) by one plain pass."""
    start, _ = level_strings(vlm, RATING, 10)
    (features,) = ImageEncoder(vlm, IMAGES)([key])
    (prompt,) = prompts_of(vlm, [features], RATING)
    answer = answer_ids(vlm, RATING, write_response(level, text))
    inputs = vlm.processor(
        images=[[IMAGES[key]]], text=[vlm.processor.image_token], return_tensors="pt"
    )
    ids = torch.tensor([[*prompt, *answer]])
    with torch.inference_mode():
        pixels = {name: value for name, value in inputs.items() if "pixel" in name}
        logits = vlm.model(input_ids=ids, attention_mask=torch.ones_like(ids), **pixels).logits
    told = logits[0, :-1].double().log_softmax(dim=-1).gather(-1, ids[0, 1:, None])[:, 0]
    return float(told[len(prompt) + len(start) :].sum())


def test_a_text_is_held_against_its_neighbours(vlm: VLM) -> None:
    keys, stated = [*IMAGES, next(iter(IMAGES))], [4, 0, 9]
    texts = ["It is sharp.", "It is blurred and dark.", "It is sharp."]
    found = separations(ImageEncoder(vlm, IMAGES), keys, stated, texts, RATING, 10, 2, "setting")
    for key, level, text, value in zip(keys, stated, texts, found, strict=True):
        own = likelihood(vlm, key, level, text)
        near = [n for n in (level - 1, level + 1) if 0 <= n <= 9]
        expected = [1 / (1 + np.exp(likelihood(vlm, key, n, text) - own)) for n in near]
        np.testing.assert_allclose(value, np.mean(expected), atol=1e-4)
