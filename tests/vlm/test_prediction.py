import numpy as np
import pytest

from selfscore.vlm.generation import Decoding
from selfscore.vlm.prediction import Prediction, level_probabilities, predict
from selfscore.vlm.response import Prompts

PROMPTS = Prompts("Rate it.", "Why {level}?")


def test_probabilities_do_not_depend_on_the_batch(vlm, images):
    keys = list(images)
    one = level_probabilities(vlm, images, keys, "Rate it.", 10, batch_size=1)
    many = level_probabilities(vlm, images, keys, "Rate it.", 10, batch_size=4)
    np.testing.assert_allclose(one, many, atol=1e-5)
    np.testing.assert_allclose(one.sum(axis=1), 1)
    assert len(np.unique(one.round(6), axis=0)) == len(keys), "the image must matter"


def test_a_model_that_never_writes_the_format_still_has_an_expected_level(vlm, images):
    predictions = predict(vlm, images, list(images), PROMPTS, 10, Decoding(0.0, 6, 4), seed=0)
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
