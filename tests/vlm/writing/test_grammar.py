"""What the grammar lets through is what `parse_response` reads, and all that it reads."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from selfscore.vlm.reading.tokens import answer_ids, end_tokens, start_ids
from selfscore.vlm.response import parse_response, response_prefix
from selfscore.vlm.writing.grammar import explanation_grammar

TEXTS = [
    "The picture is sharp. It is a good picture.",
    "x",
    "Schärfe: 3/10 – naïve 写真!",
    '"quoted" (and so on), then:  two blanks',
]


@pytest.fixture(scope="module")
def grammar(vlm):
    return explanation_grammar(vlm)


def allowed(vlm, grammar, ids):
    """Whether each token is let through, in its turn."""
    vocabulary = vlm.model.get_output_embeddings().weight.shape[0]
    last, found = None, []
    for step, token in enumerate(ids):
        left = grammar.mask(torch.zeros(1, vocabulary), last, step)
        found.append(bool(left[0, token] == 0))
        last = torch.tensor([token])
    return found


@pytest.mark.parametrize("text", TEXTS)
def test_a_response_that_keeps_the_format_is_let_through(vlm, grammar, text):
    start = response_prefix(3)
    assert parse_response(f"{start} {text}", 10)
    ids = answer_ids(vlm, "Rate it.", f"{start} {text}")[len(start_ids(vlm, "Rate it.", start)) :]
    assert allowed(vlm, grammar, ids) == [True] * len(ids)


@given(seed=st.integers(0, 2**32), length=st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_whatever_is_let_through_is_read(vlm, grammar, seed, length):
    draw = torch.Generator().manual_seed(seed)
    vocabulary = vlm.model.get_output_embeddings().weight.shape[0]
    ids, last = [], None
    for step in range(length):
        left = grammar.mask(torch.rand(1, vocabulary, generator=draw), last, step)
        last = left.argmax(dim=-1)
        ids.append(int(last))
        if ids[-1] in end_tokens(vlm):
            break
    assert len(ids) > 1 or ids[0] not in end_tokens(vlm)
    text = response_prefix(3) + vlm.tokenizer.decode(ids, skip_special_tokens=True)
    # A space alone is the start of a text that was cut off at once.
    assert parse_response(text, 10) or ids == [i for i in ids if grammar.space[i]]


def test_a_line_break_a_hash_and_an_empty_text_are_kept_out(vlm, grammar):
    vocabulary = vlm.model.get_output_embeddings().weight.shape[0]
    texts = vlm.tokenizer.batch_decode([[token] for token in range(len(vlm.tokenizer))])
    breaking = [token for token, text in enumerate(texts) if "\n" in text or "#" in text]
    assert breaking
    ends = sorted(end_tokens(vlm))
    any_last = torch.tensor([int(grammar.begin.nonzero()[0, 0])])
    for last, step in ((None, 0), (any_last, 1), (any_last, 2)):
        left = grammar.mask(torch.zeros(1, vocabulary), last, step)[0]
        assert (left[breaking] == -torch.inf).all()
    assert (grammar.mask(torch.zeros(1, vocabulary), None, 0)[0, ends] == -torch.inf).all()
