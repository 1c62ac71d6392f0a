"""The study as a pipeline: before anybody has rated, and after."""

from __future__ import annotations

import json
from typing import Any

import pytest
from images import coloured_images
from small_study import Raters, generations, predictions, scored_images, settings

from selfscore.configuration.layout import Layout
from selfscore.pipelines.study import create_pipeline


@pytest.fixture
def study() -> Any:
    paths = scored_images()["path"]

    def run(answers: dict[str, Any], **changed: Any) -> dict[str, Any]:
        inputs = {
            "iteration_1.merged_predictions": predictions(),
            "baseline.generations": generations(),
            "scored_images": scored_images(),
            "raw_images": dict(zip(paths, coloured_images(len(paths)).values(), strict=True)),
            "score_scale": {"levels": 10},
            "study_answers": answers,
            "params:study": settings(**changed),
            "params:seed": 0,
        }
        made: dict[str, Any] = dict(inputs)
        for node in create_pipeline(Layout(1, ("scoring",), base_texts=True)).nodes:
            made |= node.run({name: made[name] for name in node.inputs})
        return made

    return run


def test_before_anybody_has_rated_there_is_a_plan_and_a_page(study: Any) -> None:
    made = study({}, label_studio=False)
    assert "No human has rated yet" in made["study_report"]
    assert made["study_answer_table"].empty and made["study_plan"]["raters"] == 12
    assert made["label_studio_tasks"] == made["label_studio_configs"] == {}


def test_answers_become_figures(study: Any) -> None:
    shown = study({})["study_items"]
    made = study(Raters(told=0.5).answer(shown, 0))
    assert len(made["study_answer_table"]) == len(shown)
    assert "12 of 12 raters" in made["study_report"]
    figures = made["study_figures"].set_index("metric")
    assert figures.loc["guess_gain_beyond", "low"] > 0
    assert set(made["label_studio_configs"]) == {"guess.xml", "check.xml"}
    assert len(json.loads(made["label_studio_tasks"]["guess_seat_01.json"])) == 24
