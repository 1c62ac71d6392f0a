"""What is scored is called what the configuration calls it, wherever it is spoken of."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from cards import policy_over
from kedro.framework.startup import bootstrap_project
from pydantic import TypeAdapter, ValidationError

from selfscore.configuration.domain import PICTURES, Domain, in_words
from selfscore.handoff.model_card import model_card
from selfscore.judging.openai_judge import OpenAIJudge
from selfscore.parameters import WrongParametersError, check
from selfscore.provenance.manifest import Manifest
from selfscore.provenance.project import open_project
from selfscore.tracking.words import description
from selfscore.vlm.policy import Card

TOMATOES = Domain("tomato", "freshness", "rotten", "fresh")
# Where a domain is photographs, these are its words, and nobody else's.
OF_PHOTOGRAPHS = re.compile(
    r"picture quality|quality|aesthetic|photo|blur|sharp|nois|expos|\bworst\b|\bbest\b", re.I
)


def test_prompts_have_the_words_of_their_domain(project: Path) -> None:
    bootstrap_project(project)
    given = open_project(project, environment="objective").parameters
    assert given["prompts"]["rating"] == (
        "Rate the freshness of this tomato from 0 (rotten) to {best} (fresh) and explain the score."
    )
    assert given["prompts"]["justify"].startswith("This tomato has the score {level} on a scale")
    assert not OF_PHOTOGRAPHS.search(" ".join(given["prompts"].values()).replace("{best}", "9"))
    assert given["ingestion"]["format"] == "fgrade"


def test_a_run_may_name_another_thing(project: Path) -> None:
    bootstrap_project(project)
    given = open_project(project, parameters={"domain": {"thing": "apple"}}).parameters
    assert given["prompts"]["rating"].startswith("Rate the quality of this apple from 0 (worst)")


def test_a_misspelt_word_is_named() -> None:
    prompts = {"rating": "Rate this {domain.thin}.", "justify": "Why {level}?"}
    parameters = in_words({"domain": vars(PICTURES), "prompts": prompts})
    with pytest.raises(WrongParametersError, match=r"\{domain\.thin\}.*it has thing, quality, wor"):
        check(parameters)


@pytest.mark.parametrize("word", ["", "  ", "{level}", "two\nlines", 3, None])
def test_a_word_is_a_word(word: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Domain).validate_python({**vars(PICTURES), "thing": word})
    wrong = {"domain": {**vars(PICTURES), "thing": word}, "prompts": {"rating": "", "justify": ""}}
    with pytest.raises(WrongParametersError, match=r"domain\.thing"):
        check(in_words(wrong))


def test_sections_that_are_none_are_left_for_the_check() -> None:
    for wrong in ({"domain": 3, "prompts": {}}, {"domain": {}, "prompts": "Rate it"}, {}):
        assert in_words(wrong) == wrong


def test_a_card_keeps_its_domain_and_one_of_pictures_is_as_it_always_was() -> None:
    pictures, tomatoes = policy_over().card, policy_over(domain=TOMATOES).card
    assert "domain" not in pictures.record()
    assert Card.from_record(pictures.record()).domain == PICTURES
    assert Card.from_record(tomatoes.record()) == tomatoes
    assert policy_over().digest != policy_over(domain=TOMATOES).digest


def test_the_card_of_a_handoff_speaks_of_the_domain() -> None:
    card = policy_over(domain=TOMATOES).card
    card = replace(card, iteration=1, energy_kept=0.9)
    maker = Manifest("run", "finished", "", {}, {}, {}, {}, {}, {}, {}, [])
    text = model_card("policy_1", card.record(), "d" * 64, maker, None)
    assert "Scored is the freshness of the tomato, from rotten to fresh." in text
    assert not OF_PHOTOGRAPHS.search(text)


def test_a_hosted_judge_is_asked_with_the_ends_of_the_scale() -> None:
    judge = OpenAIJudge("m", 10, {}, "http://127.0.0.1:9/v1", None, 0, 0, 0, domain=TOMATOES)
    asked = judge._prompt("The skin is firm.")
    assert "infer the rating, from 0 (rotten) to 9 (fresh)." in asked
    assert not OF_PHOTOGRAPHS.search(asked)
    as_ever = replace(judge, domain=PICTURES)._prompt("The skin is firm.")
    assert "infer the rating, from 0 (worst) to 9 (best)." in as_ever


def test_a_tracked_run_says_what_is_scored() -> None:
    text = description({"domain": str(TOMATOES), "dataset": "data/fgrade"}, "#/1")
    assert "- Scored: `freshness of the tomato, from rotten to fresh`" in text
    assert not OF_PHOTOGRAPHS.search(text)


def test_the_page_that_scores_has_no_words_of_a_domain(project: Path) -> None:
    page = (project / "src/selfscore/scoring/page.html").read_text(encoding="utf-8")
    shown = re.sub(r"(?s)<style>.*?</style>|<script.*?</script>", "", page)
    assert not OF_PHOTOGRAPHS.search(shown)
