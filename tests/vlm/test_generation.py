import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from selfscore.vlm.generation import Decoding, Request, generate
from selfscore.vlm.response import response_prefix
from selfscore.vlm.sampling import GumbelSampling, row_seed


def requests(images, **changes):
    return [
        Request(image=key, instruction="Rate it.", response_start=response_prefix(3), seed=seed)
        for seed, key in enumerate(images)
    ]


def test_sampled_texts_do_not_depend_on_batch_or_order(vlm, images):
    rows = requests(images)
    one = generate(vlm, images, rows, Decoding(1.0, 10, 1), "one")
    many = generate(vlm, images, rows[::-1], Decoding(1.0, 10, 4), "many")[::-1]
    assert one == many
    assert all(text.startswith(response_prefix(3)) for text in one)


def test_other_seeds_write_other_texts_and_greedy_ignores_them(vlm, images):
    rows = requests(images)
    others = [Request(r.image, r.instruction, r.response_start, r.seed + 100) for r in rows]
    sampled, greedy = Decoding(1.0, 10, 4), Decoding(0.0, 10, 4)
    assert generate(vlm, images, rows, sampled, "a") != generate(vlm, images, others, sampled, "b")
    assert generate(vlm, images, rows, greedy, "a") == generate(vlm, images, others, greedy, "b")


def test_gumbel_sampling_draws_from_the_softmax():
    logits = torch.tensor([2.0, 1.0, 0.0, -1.0])
    rows = 20_000
    sampling = GumbelSampling(0.7, range(rows))
    drawn = sampling(None, logits.expand(rows, -1)).argmax(dim=-1)
    frequencies = torch.bincount(drawn, minlength=4) / rows
    torch.testing.assert_close(frequencies, (logits / 0.7).softmax(0), rtol=0, atol=0.015)


def test_temperature_zero_is_not_sampling():
    with pytest.raises(ValueError, match="`temperature` must be above 0"):
        GumbelSampling(0.0, [1])


@given(st.integers(), st.text(), st.integers(0, 5))
def test_row_seeds_are_seeds(seed, image, attempt):
    value = row_seed(seed, image, attempt)
    assert 0 <= value < 2**63
    assert value == row_seed(seed, image, attempt)
    assert value != row_seed(seed, image, attempt + 1)
