import numpy as np
import torch

from selfscore.vlm.model import VLM
from selfscore.vlm.reading.features import ImageEncoder
from selfscore.vlm.reading.tokens import render, start_ids
from selfscore.vlm.writing.yes_no import yes_probabilities


def test_it_is_the_share_of_yes_in_what_the_model_would_say_next(vlm: VLM, images) -> None:
    keys = list(images)[:2]
    questions = [(keys[1], "Is it sharp?"), (keys[0], "Is it a good and sharp picture?")]
    found = yes_probabilities(ImageEncoder(vlm, images), questions, 2, "some.setting")
    for (key, question), share in zip(questions, found, strict=True):
        inputs = vlm.processor(
            images=[[images[key]]],
            text=[render(vlm, question)],
            add_special_tokens=False,
            return_tensors="pt",
        )
        with torch.inference_mode():
            chances = vlm.model(**inputs).logits[0, -1].double().softmax(dim=-1)
        yes, no = (
            sum(
                float(chances[token])
                for token in {start_ids(vlm, question, word)[0] for word in words}
            )
            for words in (("yes", "Yes"), ("no", "No"))
        )
        np.testing.assert_allclose(share, yes / (yes + no), rtol=1e-4)


def test_equal_questions_are_asked_once_and_none_is_none(vlm: VLM, images) -> None:
    encoder, key = ImageEncoder(vlm, images), next(iter(images))
    done: dict[str, bytes] = {}
    one, other = yes_probabilities(encoder, [(key, "Sharp?")] * 2, 8, "some.setting", done)
    assert one == other and len(done) == 1
    assert yes_probabilities(encoder, [], 8, "some.setting") == []
