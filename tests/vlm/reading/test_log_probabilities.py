import pytest
import stock
import torch
from interrupted import killed_and_begun_again

from selfscore.vlm.reading.features import ImageEncoder
from selfscore.vlm.reading.log_probabilities import answer_log_probabilities, pack_texts
from selfscore.vlm.reading.shared_prefix import token_log_probabilities
from selfscore.vlm.reading.tokens import answer_ids
from selfscore.vlm.response import write_response

# Different lengths, a shared start, an answer that another begins with, and one twice.
ANSWERS = [
    [write_response(3, "The picture is sharp and the colours are strong."), write_response(8, "A")],
    [write_response(3, "It is blurred."), write_response(3, "It is blurred. It is sharp.")],
    [write_response(5, "It is."), write_response(5, "It is.")],
]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_token_is_as_likely_as_in_a_row_of_its_own(vlm, images, count):
    keys = list(images)[:count]
    answers = ANSWERS[:count]
    features = ImageEncoder(vlm, images)(keys)
    packed = pack_texts(vlm, features, answers, "Rate it.")
    found = token_log_probabilities(vlm, packed, features)
    for row, key in enumerate(keys):
        for place, answer in enumerate(answers[row]):
            ids = answer_ids(vlm, "Rate it.", answer)
            with torch.no_grad():
                expected = stock.token_log_probabilities(vlm, images[key], "Rate it.", ids)
            torch.testing.assert_close(
                found[row, place, : len(ids)], expected, rtol=1e-5, atol=1e-5
            )
            assert (found[row, place, len(ids) :] == 0).all()


def test_sums_come_in_the_order_asked_for_whatever_the_batch(vlm, images):
    keys = list(images)[:3]
    ragged = [ANSWERS[0], ANSWERS[1][:1], [*ANSWERS[0], *ANSWERS[2]]]
    encoder = ImageEncoder(vlm, images)
    one = answer_log_probabilities(encoder, keys, ragged, "Rate it.", batch_size=1)
    all_ = answer_log_probabilities(encoder, keys, ragged, "Rate it.", batch_size=3)
    assert [len(row) for row in one] == [2, 1, 4]
    for few, many in zip(one, all_, strict=True):
        assert many == pytest.approx(few, rel=1e-5)


def test_killed_it_goes_on_with_the_next_batch(vlm, read):
    keys, answers = list(read), (ANSWERS * 3)[: len(read)]
    encoder = ImageEncoder(vlm, read)

    def work(checkpoint=None):
        return answer_log_probabilities(encoder, keys, answers, "Rate it.", 2, checkpoint)

    whole = work()
    # Every batch weighs its last bits by what it pads together.
    assert whole != answer_log_probabilities(encoder, keys, answers, "Rate it.", 1)
    assert killed_and_begun_again(work, 2, read.keys_read.clear) == whole
    assert read.keys_read == keys[4:]


def test_only_answer_places_reach_the_vocabulary(vlm, images):
    features = ImageEncoder(vlm, images)(list(images)[:3])
    packed = pack_texts(vlm, features, ANSWERS, "Rate it.")
    seen = []
    head = vlm.model.get_output_embeddings()
    hook = head.register_forward_hook(lambda module, inputs, output: seen.append(output.shape))
    token_log_probabilities(vlm, packed, features)
    hook.remove()
    answers = sum(len(answer_ids(vlm, "Rate it.", a)) for group in ANSWERS for a in group)
    assert seen == [(answers, len(vlm.tokenizer))]
