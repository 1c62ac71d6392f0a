"""What the teacher says of a picture."""

from __future__ import annotations

import re
from dataclasses import asdict

import numpy as np
import pytest
from scipy.stats import spearmanr

from selfscore.judging.tfidf import fit_judge
from selfscore.metrics.faithfulness import StatementLexicon, faithfulness
from selfscore_demo.faults import ATTRIBUTES, draw_severities
from selfscore_demo.language import Style, write_explanation
from selfscore_demo.lexicon import PHRASES, VERDICTS, statement_lexicon


@pytest.fixture(scope="module")
def lexicon() -> StatementLexicon:
    """The lexicon as evaluation reads it."""
    return StatementLexicon([asdict(statement) for statement in statement_lexicon()])


def test_no_phrase_is_part_of_another() -> None:
    phrases = [statement.phrase for statement in statement_lexicon()]
    parts = [(a, b) for a in phrases for b in phrases if a != b and a in b]
    assert parts == []
    assert len(set(phrases)) == len(phrases)


def test_verdicts_make_no_statement_about_severities(lexicon: StatementLexicon) -> None:
    assert not any(lexicon.statements_in(text) for grade in VERDICTS for text in grade)


def test_every_attribute_but_the_signed_ones_has_words_for_all_degrees() -> None:
    assert set(PHRASES) == set(ATTRIBUTES)
    for attribute in ("blur", "noise", "contrast", "colour", "compression"):
        assert all(len(phrases) >= 2 for phrases in PHRASES[attribute])


def test_texts_are_plain_sentences_with_two_or_three_statements(lexicon: StatementLexicon) -> None:
    rng = np.random.default_rng(0)
    for level in range(10):
        text = write_explanation(draw_severities(rng), level, 10, rng)
        sentences = re.findall(r"[A-Z][a-z ]+\.", text)
        assert " ".join(sentences) == text
        assert 2 <= len(lexicon.statements_in(text)) <= 3


def test_texts_lean_to_their_level_and_are_mostly_true(lexicon: StatementLexicon) -> None:
    rng = np.random.default_rng(0)
    texts, levels, truth = [], [], []
    for place in range(1500):
        severities = draw_severities(rng)
        texts.append(write_explanation(severities, place % 10, 10, rng))
        levels.append(place % 10)
        truth.append(faithfulness(texts[-1], severities, lexicon))
    skill = fit_judge(texts, levels)["held_out"]["srcc"]
    assert 0.6 < skill < 0.85
    assert 0.85 < np.mean([share for share in truth if share is not None]) < 0.97


def test_the_picture_shows_through_a_forced_level() -> None:
    rng = np.random.default_rng(0)
    mentions, blur = [], []
    for _ in range(400):
        severities = draw_severities(rng)
        blur.append(severities["blur"])
        mentions.append("blurred" in write_explanation(severities, 1, 10, rng))
    assert spearmanr(mentions, blur).statistic > 0.3


def test_a_style_without_lean_ignores_the_level() -> None:
    calm = Style(choice=0.0, tilt=0.0, verdict_share=0.0)
    known = draw_severities(np.random.default_rng(5))
    texts = [write_explanation(known, n, 10, np.random.default_rng(1), calm) for n in range(10)]
    assert len(set(texts)) == 1
