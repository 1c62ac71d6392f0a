"""Levels of one, two and three tokens, held against passes of the whole model."""

import copy

import numpy as np
import pytest
import stock
import torch

from selfscore.vlm.options import Decoding
from selfscore.vlm.reading.features import ImageEncoder
from selfscore.vlm.reading.tokens import level_strings
from selfscore.vlm.response import Prompts
from selfscore.vlm.writing.prediction import level_probabilities, predict_images

PROMPTS = Prompts("Rate it.", "Why {level}?")


def whole_string_log_probability(vlm, image, level):
    """Of the level and its line break, token by token, by the whole model's own forward."""
    ids = vlm.tokenizer(f"#Score: {level}\n", add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        return float(stock.token_log_probabilities(vlm, image, "Rate it.", ids).double().sum())


@pytest.mark.parametrize("levels", [20, 101])
def test_a_level_of_several_tokens_has_the_probability_of_its_whole_string(vlm, images, levels):
    some = dict(list(images.items())[: 3 if levels == 20 else 1])
    encoder = ImageEncoder(vlm, some)
    assert {len(ids) for ids in level_strings(vlm, "Rate it.", levels)[1]} == (
        {2, 3} if levels == 20 else {2, 3, 4}
    )
    found = level_probabilities(encoder, list(some), "Rate it.", levels, batch_size=3)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    for row, image in zip(found, some.values(), strict=True):
        weights = [whole_string_log_probability(vlm, image, level) for level in range(levels)]
        expected = torch.tensor(weights, dtype=torch.float64).softmax(dim=0).numpy()
        np.testing.assert_allclose(row, expected, atol=1e-6)


def test_levels_of_different_numbers_of_tokens(vlm, images):
    mixed = copy.deepcopy(vlm)
    mixed.tokenizer.add_tokens(["10"])
    mixed.model.resize_token_embeddings(len(mixed.tokenizer), mean_resizing=False)
    strings = level_strings(mixed, "Rate it.", 12)[1]
    assert [len(ids) for ids in strings] == [2] * 11 + [3]
    some = dict(list(images.items())[:2])
    found = level_probabilities(ImageEncoder(mixed, some), list(some), "Rate it.", 12, 2)
    for row, image in zip(found, some.values(), strict=True):
        weights = [whole_string_log_probability(mixed, image, level) for level in range(12)]
        expected = torch.tensor(weights, dtype=torch.float64).softmax(dim=0).numpy()
        np.testing.assert_allclose(row, expected, atol=1e-6)


def test_a_longer_level_is_not_counted_for_the_shorter_one_it_begins_with(vlm, images):
    """Twenty levels split what ten leave to `1`: its own string, and those of 10 to 19."""
    some = dict(list(images.items())[:2])
    encoder = ImageEncoder(vlm, some)
    twenty = level_probabilities(encoder, list(some), "Rate it.", 20, batch_size=2)
    for row, image in zip(twenty, some.values(), strict=True):
        odds = whole_string_log_probability(vlm, image, 1) - whole_string_log_probability(
            vlm, image, 13
        )
        assert np.log(row[1] / row[13]) == pytest.approx(odds, abs=1e-4)


def test_without_a_text_the_probabilities_are_those_with_one(vlm, images):
    """One pass instead of two: prompt and start together, where every level is one token."""
    encoder, keys = ImageEncoder(vlm, images), list(images)
    told = predict_images(encoder, keys, PROMPTS, 10, Decoding(0.0, 4, 3), seed=0)
    found = level_probabilities(encoder, keys, "Rate it.", 10, batch_size=3)
    np.testing.assert_allclose(found, [row.probabilities for row in told], atol=1e-5)


def test_batches_and_texts_do_not_change_the_probabilities(vlm, images):
    encoder, keys = ImageEncoder(vlm, images), list(images)
    one = level_probabilities(encoder, keys, "Rate it.", 20, batch_size=1)
    many = level_probabilities(encoder, keys, "Rate it.", 20, batch_size=7)
    np.testing.assert_allclose(one, many, atol=1e-5)
    told = predict_images(encoder, keys, PROMPTS, 20, Decoding(0.0, 12, 3), seed=0)
    np.testing.assert_allclose([row.probabilities for row in told], one, atol=1e-5)
    short = predict_images(encoder, keys, PROMPTS, 10, Decoding(0.0, 12, 3), seed=0)
    assert [row.response for row in told] == [row.response for row in short]
