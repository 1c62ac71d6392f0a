"""What would break a text off, and that the loss is minus the log-probability that nothing does."""

import pytest
import tiny_vlm
import torch
from cards import policy_over
from images import coloured_images

from selfscore.vlm.loading.loader import load_vlm
from selfscore.vlm.reading.features import ImageEncoder
from selfscore.vlm.reading.log_probabilities import pack_texts
from selfscore.vlm.reading.shared_prefix import IGNORED, hidden_states, label_states
from selfscore.vlm.reading.stray_tokens import stray_loss, stray_tokens
from selfscore.vlm.reading.tokens import answer_ids, level_strings
from selfscore.vlm.response import write_response

IMAGES = coloured_images(2)
TEXT = "The picture is sharp, well lit and full of fine detail."


@pytest.fixture(scope="module", params=tiny_vlm.ARCHITECTURES, ids=lambda save: save.__name__)
def vlm(request, tmp_path_factory):
    return load_vlm(policy_over(request.param(tmp_path_factory.mktemp("model"))))


def test_scores_and_headings_are_stray_and_a_text_is_not(vlm):
    stray = stray_tokens(vlm)
    assert len(stray) == vlm.model.get_output_embeddings().weight.shape[0]
    _, levels = level_strings(vlm, "Rate it.", 10)
    assert all(stray[ids[0]] for ids in levels)
    answer = answer_ids(vlm, "Rate it.", write_response(7, TEXT))
    score = answer_ids(vlm, "Rate it.", write_response(7, ""))
    assert not stray[answer[len(score) :]].any()
    assert stray[answer].any()


def test_the_loss_is_minus_the_log_probability_of_all_other_tokens(vlm):
    encoder = ImageEncoder(vlm, IMAGES)
    features = encoder(list(IMAGES))
    answers = [[write_response(level, TEXT)] for level in (3, 8)]
    packed = pack_texts(vlm, features, answers, "Rate it.")
    with torch.no_grad():
        tokens = torch.cat([row.tokens for row in features])
        states = label_states(hidden_states(vlm.model, packed, tokens), packed)
    stray = stray_tokens(vlm)
    texts = states[~stray[packed.labels[packed.labels != IGNORED]]].requires_grad_()
    loss = stray_loss(vlm.model, texts, stray)
    (found,) = torch.autograd.grad(loss, texts)
    likely = vlm.model.get_output_embeddings()(texts).double().softmax(dim=-1)
    expected = -(1 - likely[:, stray].sum(dim=-1)).log().sum()
    assert float(expected.detach()) > 0.1
    torch.testing.assert_close(loss.double(), expected, rtol=1e-4, atol=1e-5)
    (right,) = torch.autograd.grad(expected, texts)
    torch.testing.assert_close(found, right, rtol=1e-3, atol=1e-6)
