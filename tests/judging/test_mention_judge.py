"""Mentions as a hosted model reads them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from stage_settings import evaluation

from selfscore.faithfulness.faults import FAULTS
from selfscore.faithfulness.mention_judge import mentions_told
from selfscore.pipelines.evaluation.counterfactual import find_mentions
from selfscore.pipelines.evaluation.faithfulness import faithfulness_figures
from selfscore.pipelines.evaluation.reader import COLUMNS

from .conftest import ChatServer, Handler, Request, says

HOSTED = {"model": "m", "api_key_env": None, "input_price": 0.0, "output_price": 0.0}


def reads(handler: Handler, request: Request) -> None:
    """Yes where the text has the first word of what is asked of it."""
    _, text, _, question, *_ = request.prompt.split("\n")
    asked = question.removeprefix("Does the text say that the picture is ").split()
    word = "dark" if asked[0] == "too" else asked[0]
    says(json.dumps({"level": int(word in text)}))(handler, request)


@pytest.fixture
def hosted(chat_server: ChatServer) -> dict[str, Any]:
    chat_server.otherwise = reads
    return HOSTED | {"base_url": chat_server.base_url}


def test_each_fault_is_asked_for_and_no_text_twice(
    hosted: dict[str, Any], chat_server: ChatServer
) -> None:
    asked = evaluation(judging={"openai": hosted}).judging.openai
    verdicts: dict[str, dict[str, Any]] = {}
    texts = ["It is blurred.", "It is noisy.", "", "It is blurred."]
    told = {fault: mentions_told(fault, texts, asked, verdicts) for fault in FAULTS}
    np.testing.assert_array_equal(told["blur"], [1, 0, np.nan, 1])
    np.testing.assert_array_equal(told["noise"], [0, 1, np.nan, 0])
    assert len(chat_server.requests) == 2 * len(FAULTS) == len(verdicts)
    mentions_told("blur", texts, asked, verdicts)
    assert len(chat_server.requests) == 2 * len(FAULTS)


def test_what_the_judge_reads_stands_beside_the_lexicon(hosted: dict[str, Any]) -> None:
    asked = evaluation(judging={"judges": ["tfidf", "openai"], "openai": hosted})
    known = {"policy": "base", "image_id": "a", "split": "validation", "valid": True}
    levels = {"emitted_level": [1], "probabilities": [[0.0, 1.0]]}
    before = pd.DataFrame(known | levels | {"explanation": ["It is sharp."]})
    rows = [
        ("blur", 0.4, [0.4, 0.6], "It is blurred."),
        ("noise", 0.4, [0.3, 0.7], "It is grainy."),
        ("noise", 0.9, [0.1, 0.9], "It is sharp."),
    ]
    after = pd.DataFrame(rows, columns=["fault", "strength", "probabilities", "explanation"])
    after = after.assign(round=0, group="", emitted_level=1, **known)
    found = find_mentions({}, asked, 0, base=before, base_edited=after)
    assert found["mentioned"].tolist() == [1, 1, 0]
    # This judge does not know the word.
    assert found["judged"].tolist() == [1, 0, 0]
    figures = faithfulness_figures(found, pd.DataFrame(columns=COLUMNS), asked, 0).set_index(
        ["of", "metric"]
    )["value"]
    assert figures["lexicon/openai", "counterfactual_agreement"] == pytest.approx(2 / 3)
    assert figures["openai", "counterfactual_mentions"] == pytest.approx(1 / 3)
