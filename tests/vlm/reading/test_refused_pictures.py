"""A picture that a model's processor does not take is named, wherever pictures are processed."""

import numpy as np
import pytest
import tiny_vlm
from cards import policy_over
from PIL import Image
from transformers import Qwen2VLImageProcessorPil

from selfscore.preference_optimization.shared_prefix_trainer import PackedPairCollator
from selfscore.vlm.images import RefusedPictureError
from selfscore.vlm.loading.loader import load_vlm
from selfscore.vlm.options import Decoding
from selfscore.vlm.reading.features import ImageEncoder, store_features
from selfscore.vlm.response import Prompts
from selfscore.vlm.writing.generation import Request, generate
from selfscore.vlm.writing.prediction import level_probabilities, predict_images

GREEDY = Decoding(temperature=0.0, max_new_tokens=4, batch_size=4)


@pytest.fixture(scope="module")
def vlm(tmp_path_factory):
    """A model whose processor looks at pictures as Qwen2-VL's does before it takes them."""
    vlm = load_vlm(policy_over(tiny_vlm.save_idefics3(tmp_path_factory.mktemp("model"))))
    strict, process = Qwen2VLImageProcessorPil(), type(vlm.processor).__call__

    class Strict(type(vlm.processor)):
        def __call__(self, images, **options):
            strict(images=[picture for row in images for picture in row])
            return process(self, images=images, **options)

    vlm.processor.__class__ = Strict
    return vlm


@pytest.fixture
def images():
    return {**tiny_vlm.pictures(3), "a/strip.jpg": Image.new("RGB", (1000, 3))}


@pytest.mark.parametrize(
    "work",
    [
        lambda vlm, images: store_features(vlm, images, list(images), 4, 1e9),
        lambda vlm, images: predict_images(
            ImageEncoder(vlm, images),
            list(images),
            Prompts("Rate it.", "Why {level}?"),
            10,
            GREEDY,
            0,
        ),
        lambda vlm, images: level_probabilities(
            ImageEncoder(vlm, images), list(images), "Rate it.", 10, 4
        ),
        lambda vlm, images: generate(
            ImageEncoder(vlm, images),
            [Request(key, "Rate it.") for key in images],
            GREEDY,
            "writing",
        ),
        lambda vlm, images: PackedPairCollator(ImageEncoder(vlm, images), "Rate it.", False)(
            [{"images": [key], "chosen": "a", "rejected": "b"} for key in images]
        ),
    ],
    ids=["encode", "predict", "score", "generate", "train_the_tower"],
)
def test_the_picture_is_named_with_its_size_and_what_to_do(vlm, images, work):
    with pytest.raises(RefusedPictureError) as refused:
        work(vlm, images)
    message = str(refused.value)
    assert "does not take the picture 'a/strip.jpg' (1000 x 3 pixels: absolute aspect" in message
    assert "Crop it, or take it out" in message
    assert list(refused.value.refused) == ["a/strip.jpg"]


def test_all_of_a_batch_are_named(vlm, images):
    images["b/strip.jpg"] = Image.new("RGB", (3, 1000))
    with pytest.raises(RefusedPictureError, match="does not take 2 pictures, one of them 'a/strip"):
        store_features(vlm, images, list(images), 5, 1e9)


def test_an_error_that_is_no_pictures_fault_stays_what_it_is(vlm, images, monkeypatch):
    del images["a/strip.jpg"]

    def fail(self, images, **options):
        if len(images) > 1:
            raise TypeError("not together")
        return np.zeros(1)

    monkeypatch.setattr(type(vlm.processor), "__call__", fail)
    with pytest.raises(TypeError, match="not together"):
        store_features(vlm, images, list(images), 4, 1e9)
