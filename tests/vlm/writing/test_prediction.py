from functools import partial

import numpy as np
import pytest
import stock
import torch
from interrupted import killed_and_begun_again

from selfscore.vlm.options import Decoding
from selfscore.vlm.reading.features import ImageEncoder
from selfscore.vlm.reading.tokens import level_strings
from selfscore.vlm.response import Prompts
from selfscore.vlm.writing.generation import Request, generate
from selfscore.vlm.writing.grammar import explanation_grammar
from selfscore.vlm.writing.prediction import (
    Prediction,
    level_probabilities,
    predict_batch,
    predict_images,
    predict_texts,
)
from selfscore.vlm.writing.sampling import row_seed

PROMPTS = Prompts("Rate it.", "Why {level}?")


@pytest.fixture
def encoder(vlm, images):
    return ImageEncoder(vlm, images)


def test_probabilities_do_not_depend_on_the_batch(encoder, images):
    keys = list(images)
    one = level_probabilities(encoder, keys, "Rate it.", 10, batch_size=1)
    many = level_probabilities(encoder, keys, "Rate it.", 10, batch_size=4)
    np.testing.assert_allclose(one, many, atol=1e-5)
    np.testing.assert_allclose(one.sum(axis=1), 1)
    assert len(np.unique(one.round(6), axis=0)) == len(keys), "the image must matter"


def test_probabilities_are_those_of_a_forward_pass_of_the_whole_model(vlm, encoder, images):
    found = level_probabilities(encoder, list(images), "Rate it.", 10, batch_size=4)
    start, strings = level_strings(vlm, "Rate it.", 10)
    tokens = [ids[0] for ids in strings]
    for key, row in zip(images, found, strict=True):
        with torch.no_grad():
            logits = vlm.model(**stock.encode(vlm, images[key], "Rate it.", start)).logits
        expected = logits[0, -1, tokens].double().softmax(dim=0).numpy()
        np.testing.assert_allclose(row, expected, atol=1e-6)


def test_scoring_is_one_pass(vlm, encoder, images):
    seen = []
    hook = vlm.model.base_model.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(tuple(kwargs["input_ids"].shape)), with_kwargs=True
    )
    level_probabilities(encoder, list(images), "Rate it.", 10, batch_size=100)
    hook.remove()
    assert [shape[0] for shape in seen] == [len(images)]


def test_scoring_first_changes_neither_text_nor_score(encoder, images):
    keys = list(images)[::-1]
    decoding = Decoding(1.0, 12, 4)
    predictions = predict_images(encoder, keys, PROMPTS, 10, decoding, seed=3)
    alone = [Request(key, "Rate it.", seed=row_seed(3, key)) for key in keys]
    texts = [row.text for row in generate(encoder, alone, decoding, "alone")]
    assert [prediction.response for prediction in predictions] == texts
    np.testing.assert_allclose(
        np.stack([prediction.probabilities for prediction in predictions]),
        level_probabilities(encoder, keys, "Rate it.", 10, 4),
        atol=1e-6,
    )


def test_texts_of_another_writer_join_the_same_distributions(encoder, images):
    keys, decoding = list(images)[::-1], Decoding(1.0, 12, 4)
    whole = predict_images(encoder, keys, PROMPTS, 10, decoding, seed=3)
    probabilities = level_probabilities(encoder, keys, "Rate it.", 10, 4)
    joined = predict_texts(partial(generate, encoder), keys, PROMPTS, probabilities, decoding, 3)
    for one, other in zip(whole, joined, strict=True):
        assert one.response == other.response
        assert one.emitted_level == other.emitted_level
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-6)


@pytest.mark.parametrize("explain", [True, False])
def test_killed_it_goes_on_with_the_next_batch(vlm, read, explain):
    encoder, keys = ImageEncoder(vlm, read), list(read)[::-1]

    def work(checkpoint=None):
        if not explain:
            return None, level_probabilities(encoder, keys, "Rate it.", 10, 2, checkpoint)
        rows = predict_images(encoder, keys, PROMPTS, 10, Decoding(1.0, 12, 2), 3, checkpoint)
        return [row.response for row in rows], np.stack([row.probabilities for row in rows])

    texts, probabilities = work()
    again, same = killed_and_begun_again(work, 2, read.keys_read.clear)
    assert again == texts
    assert same.dtype == probabilities.dtype == np.float64
    np.testing.assert_array_equal(same, probabilities)
    assert read.keys_read == sorted(keys)[4:]


def test_distributions_and_texts_of_another_writer_are_kept_side_by_side(encoder, images):
    keys, decoding, checkpoint = list(images), Decoding(1.0, 12, 4), {}

    def work(encoder):
        rows = level_probabilities(encoder, keys, "Rate it.", 10, 4, checkpoint)
        return predict_texts(
            partial(generate, encoder), keys, PROMPTS, rows, decoding, 3, checkpoint
        )

    first = work(encoder)
    assert len(checkpoint) == 4
    # Without a picture nothing could be computed.
    again = work(ImageEncoder(encoder.vlm, {}))
    assert [row.response for row in again] == [row.response for row in first]
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.probabilities, other.probabilities)


def test_a_model_that_never_writes_the_format_still_has_an_expected_level(encoder, images):
    predictions = predict_images(encoder, list(images), PROMPTS, 10, Decoding(0.0, 6, 4), seed=0)
    assert len(predictions) == len(images)
    for prediction in predictions:
        assert not prediction.valid
        assert prediction.emitted_level is None
        assert prediction.explanation == ""
        assert 0 <= prediction.expected_level <= 9


def test_expected_level_is_the_mean_of_the_distribution():
    probabilities = np.array([0.5, 0.0, 0.0, 0.5])
    prediction = Prediction("…", 3, "Fine.", probabilities)
    assert prediction.expected_level == pytest.approx(1.5)
    assert prediction.valid


@pytest.mark.parametrize("temperature", [0.0, 1.0, 1e6])
def test_within_the_grammar_no_response_breaks_the_format(encoder, images, temperature):
    grammar, keys = explanation_grammar(encoder.vlm), list(images)
    decoding = Decoding(temperature, 9, batch_size=7)
    free = predict_batch(encoder, keys, PROMPTS, 10, decoding, seed=3)
    kept = predict_batch(encoder, keys, PROMPTS, 10, decoding, seed=3, grammar=grammar)
    assert not all(row.valid for row in free), "a random model writes anything"
    for loose, strict in zip(free, kept, strict=True):
        assert strict.valid and strict.explanation
        assert strict.emitted_level == strict.probabilities.argmax()
        np.testing.assert_array_equal(strict.probabilities, loose.probabilities)
