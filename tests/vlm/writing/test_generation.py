import dataclasses

import numpy as np
import pytest
import stock
import torch
from hypothesis import given
from hypothesis import strategies as st
from interrupted import killed_and_begun_again

from selfscore.vlm.options import Decoding
from selfscore.vlm.reading.features import ImageEncoder, store_features
from selfscore.vlm.reading.log_probabilities import answer_log_probabilities
from selfscore.vlm.reading.tokens import end_tokens, prompt_ids, start_ids
from selfscore.vlm.response import response_prefix
from selfscore.vlm.writing.generation import Request, generate
from selfscore.vlm.writing.sampling import row_draws, row_seed, sample
from selfscore.vlm.writing.token_loop import Prefill

STARTS = [response_prefix(3), response_prefix(8), ""]


@pytest.fixture
def encoder(vlm, images):
    return ImageEncoder(vlm, images)


@pytest.fixture
def ending_early(vlm, monkeypatch):
    """A random model ends by chance about once in four hundred tokens; let it end more often."""
    ends = [vlm.tokenizer.eos_token_id, *range(60, 90)]
    monkeypatch.setattr(vlm.model.generation_config, "eos_token_id", ends)


def requests(images):
    return [
        Request(image, "Rate it.", start, seed=row_seed(0, image, start))
        for image in images
        for start in STARTS
    ]


def test_texts_do_not_depend_on_batch_order_or_stored_features(vlm, images, encoder, ending_early):
    rows = requests(images)
    stored = ImageEncoder(vlm, {}, store_features(vlm, images, list(images), 3, 1e9))
    one = generate(encoder, rows, Decoding(1.0, 30, 1), "one")
    some = generate(encoder, rows[::-1], Decoding(1.0, 30, 4), "some")[::-1]
    all_ = generate(stored, rows[::-1], Decoding(1.0, 30, 100), "all")[::-1]
    assert [r.text for r in one] == [r.text for r in some] == [r.text for r in all_]
    assert len({len(r.text) for r in one}) > 5, "rows must end at different steps"
    for row, response in zip(rows, one, strict=True):
        assert response.text.startswith(row.response_start.strip())


def test_greedy_texts_are_those_of_the_stock_generate(vlm, images, encoder):
    rows = [Request(image, "Rate it.") for image in images]
    ours = [row.text for row in generate(encoder, rows, Decoding(0.0, 12, 4), "ours")]
    for key, text in zip(images, ours, strict=True):
        inputs = stock.encode(vlm, images[key], "Rate it.", [])
        output = vlm.model.generate(**inputs, do_sample=False, max_new_tokens=12)
        new = output[0, inputs["input_ids"].shape[1] :]
        assert vlm.tokenizer.decode(new, skip_special_tokens=True).strip() == text


@pytest.mark.parametrize("stored", [0, 2, 4])
def test_killed_it_goes_on_with_the_next_batch(vlm, read, ending_early, stored):
    encoder, rows = ImageEncoder(vlm, read), requests(read)

    def work(checkpoint=None):
        return generate(encoder, rows, Decoding(1.0, 12, 5), "writing", checkpoint)

    whole, in_one_go = work(), read.keys_read.copy()
    assert any(row.log_probability is not None for row in whole)
    read.keys_read.clear()
    # Texts and log-probabilities, to the last bit.
    assert killed_and_begun_again(work, stored, read.keys_read.clear) == whole
    assert read.keys_read == in_one_go[len(in_one_go) - len(read.keys_read) :]
    assert (read.keys_read == in_one_go) == (stored == 0)


def test_other_seeds_write_other_texts_and_greedy_ignores_them(images, encoder):
    rows = requests(images)
    others = [dataclasses.replace(row, seed=row.seed + 1) for row in rows]
    for temperature, same in ((1.0, False), (0.0, True)):
        decoding = Decoding(temperature, 10, 8)
        texts = [
            [row.text for row in generate(encoder, asked, decoding, "x")]
            for asked in (rows, others)
        ]
        assert (texts[0] == texts[1]) == same


def test_log_probabilities_of_writing_are_those_of_a_pass_over_the_text(
    vlm, images, encoder, ending_early
):
    """The two routes to the reference agree, to float32's rounding over some tens of tokens."""
    prompts = [prompt_ids(vlm, row.placeholder, "Rate it.") for row in encoder(list(images))]
    start = start_ids(vlm, "Rate it.", response_prefix(4))
    written = Prefill(vlm, prompts, encoder(list(images))).write(
        range(len(prompts)), [start] * len(prompts), range(len(prompts)), Decoding(1.0, 30, 9)
    )
    for key, row in zip(images, written, strict=True):
        with torch.no_grad():
            each = stock.token_log_probabilities(vlm, images[key], "Rate it.", [*start, *row.ids])
        assert row.log_probability == pytest.approx(float(each.sum()), rel=1e-5)
        assert row.ids[-1] in end_tokens(vlm) or len(row.ids) == 30


def test_log_probabilities_are_told_only_where_the_text_reads_back_as_it_was_written(
    vlm, images, encoder
):
    def end_soon(module, inputs, output):
        output[..., vlm.tokenizer.eos_token_id] += 6.0
        return output

    hook = vlm.model.get_output_embeddings().register_forward_hook(end_soon)
    try:
        responses = generate(encoder, requests(images), Decoding(1.0, 3, 9), "short")
        told = [
            (row.image, response)
            for row, response in zip(requests(images), responses, strict=True)
            if response.log_probability is not None
        ]
        for image, response in told:
            weights = answer_log_probabilities(encoder, [image], [[response.text]], "Rate it.", 1)
            assert response.log_probability == pytest.approx(weights[0][0], rel=1e-5, abs=1e-5)
        warm = generate(encoder, requests(images), Decoding(0.7, 3, 9), "warm")
    finally:
        hook.remove()
    assert 0 < len(told) < len(responses), "some texts are cut short or read as other tokens"
    assert {row.log_probability for row in warm} == {None}


def test_a_prompt_is_run_once_for_all_its_answers(vlm, images, encoder, monkeypatch):
    seen = []
    hook = vlm.model.base_model.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(tuple(kwargs["input_ids"].shape)), with_kwargs=True
    )
    generate(encoder, requests(images), Decoding(0.0, 3, 100), "x")
    hook.remove()
    prompts, starts, *steps = seen
    assert prompts[0] == len(images)
    assert starts[0] == len(images) * len(STARTS)
    assert prompts[1] > starts[1] > 1
    assert all(step == (starts[0], 1) for step in steps)


def test_rows_that_end_leave_the_batch(vlm, images, encoder, ending_early):
    seen = []
    hook = vlm.model.base_model.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(len(kwargs["input_ids"])), with_kwargs=True
    )
    generate(encoder, requests(images), Decoding(1.0, 30, 100), "x")
    hook.remove()
    assert seen[1] == len(images) * len(STARTS)
    assert seen[-1] < seen[1] / 2
    assert sorted(seen[1:], reverse=True) == seen[1:]


def test_sampling_draws_from_the_softmax():
    logits = torch.tensor([2.0, 1.0, 0.0, -1.0, -torch.inf])
    rows = 20_000
    draws = row_draws(range(rows), 1)[:, 0]
    drawn = sample(logits.log_softmax(0).expand(rows, -1), draws, 0.7)
    frequencies = torch.bincount(drawn, minlength=5) / rows
    torch.testing.assert_close(frequencies, (logits / 0.7).softmax(0), rtol=0, atol=0.015)
    assert frequencies[-1] == 0


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 2**32 - 1))
def test_no_draw_gives_a_token_without_mass(draw, seed):
    scores = torch.randn(1, 8, generator=torch.Generator().manual_seed(seed))
    scores[:, [0, 3, 7]] = -torch.inf
    token = sample(scores.log_softmax(-1), torch.tensor([draw], dtype=torch.float64), 1.0)
    assert int(token) in {1, 2, 4, 5, 6}


def test_a_row_has_the_same_draws_in_any_company():
    np.testing.assert_array_equal(row_draws([5, 6, 7], 4)[1], row_draws([6], 9)[0, :4])


def test_a_negative_temperature_is_refused():
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        Decoding(-0.1, 10, 4)


@given(st.integers(), st.text(), st.integers(0, 5))
def test_row_seeds_are_seeds(seed, image, attempt):
    value = row_seed(seed, image, attempt)
    assert 0 <= value < 2**63
    assert value == row_seed(seed, image, attempt)
    assert value != row_seed(seed, image, attempt + 1)
