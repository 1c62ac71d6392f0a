"""All levels, and an answer, in one row: against passes of the whole model, one string a row."""

import copy

import numpy as np
import pytest
import stock
import torch

from selfscore.vlm.reading.features import ImageEncoder
from selfscore.vlm.reading.level_rows import pack_levels
from selfscore.vlm.reading.shared_prefix import token_log_probabilities
from selfscore.vlm.reading.tokens import answer_ids, level_strings, prompts_of
from selfscore.vlm.response import write_response
from selfscore.vlm.writing.prediction import level_probabilities

ANSWERS = [(3, write_response(3, "The picture is sharp.")), None, (8, write_response(8, "It is."))]


def rows(vlm, images, levels, answers=()):
    some = dict(list(images.items())[:3])
    features = ImageEncoder(vlm, some)(list(some))
    prompts = prompts_of(vlm, features, "Rate it.")
    packed = pack_levels(vlm, prompts, features, "Rate it.", levels, answers)
    found = [token_log_probabilities(vlm, each, features) for each in packed]
    return packed, found, list(some.values())


def stock_log_probabilities(vlm, image, ids):
    with torch.no_grad():
        return stock.token_log_probabilities(vlm, image, "Rate it.", ids)


@pytest.mark.parametrize("answers", [(), ANSWERS])
@pytest.mark.parametrize("levels", [10, 20])
def test_each_level_is_weighed_as_a_whole_string(vlm, images, levels, answers):
    _, (of_levels, _), pictures = rows(vlm, images, levels, answers)
    start, strings = level_strings(vlm, "Rate it.", levels)
    assert {len(ids) for ids in strings} == ({2} if levels == 10 else {2, 3})
    for row, picture in zip(of_levels.sum(dim=-1), pictures, strict=True):
        for level in (0, 1, 3, levels - 1):
            # One token needs no end; several are told from shorter ones by theirs.
            ids = strings[level][:1] if levels == 10 else strings[level]
            expected = stock_log_probabilities(vlm, picture, [*start, *ids])[len(start) :].sum()
            torch.testing.assert_close(row[level], expected, rtol=1e-5, atol=1e-5)


def test_levels_of_different_numbers_of_tokens(vlm, images):
    mixed = copy.deepcopy(vlm)
    mixed.tokenizer.add_tokens(["10"])
    mixed.model.resize_token_embeddings(len(mixed.tokenizer), mean_resizing=False)
    _, (of_levels, _), pictures = rows(mixed, images, 12, ANSWERS)
    start, strings = level_strings(mixed, "Rate it.", 12)
    assert [len(ids) for ids in strings] == [2] * 11 + [3]
    for row, picture in zip(of_levels.sum(dim=-1), pictures, strict=True):
        for level, ids in enumerate(strings):
            expected = stock_log_probabilities(mixed, picture, [*start, *ids])[len(start) :].sum()
            torch.testing.assert_close(row[level], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("levels", [10, 20])
def test_the_distribution_is_the_one_that_scoring_says(vlm, images, levels):
    some = dict(list(images.items())[:3])
    scored = level_probabilities(ImageEncoder(vlm, some), list(some), "Rate it.", levels, 3)
    _, (of_levels, _), _ = rows(vlm, images, levels, ANSWERS)
    found = of_levels.double().sum(dim=-1).softmax(dim=-1).numpy()
    np.testing.assert_allclose(found, scored, atol=1e-6)


@pytest.mark.parametrize("levels", [10, 20])
def test_an_answer_is_weighed_but_for_its_level(vlm, images, levels):
    (_, text), (_, found), pictures = rows(vlm, images, levels, ANSWERS)
    start, strings = level_strings(vlm, "Rate it.", levels)
    for row, labels, answer, picture in zip(found, text.labels, ANSWERS, pictures, strict=True):
        if answer is None:
            assert (labels < 0).all()
            continue
        ids = answer_ids(vlm, "Rate it.", answer[1])
        expected = stock_log_probabilities(vlm, picture, ids)
        expected[len(start) : len(start) + len(strings[answer[0]]) - 1] = 0
        torch.testing.assert_close(row[0, : len(ids)], expected, rtol=1e-5, atol=1e-5)
        assert int((labels < 0)[0, : len(ids)].sum()) == len(strings[answer[0]]) - 1


def test_without_an_answer_a_row_ends_where_the_level_begins(vlm, images):
    (short, _), _, _ = rows(vlm, images, 10)
    (long, _), _, _ = rows(vlm, images, 10, ANSWERS)
    start, _ = level_strings(vlm, "Rate it.", 10)
    prompts = (short.segments > 0).sum(dim=1) - len(start)
    assert short.input_ids.shape[1] == int(prompts.max()) + len(start) < long.input_ids.shape[1]


def test_an_answer_with_another_level_is_refused(vlm, images):
    with pytest.raises(ValueError, match="writes the level 4 otherwise"):
        rows(vlm, images, 10, [(4, write_response(3, "It is.")), None, None])
