"""Answers of made-up policies, and what a judge reads in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from cards import MACHINE, SCALE, policy_over
from stage_settings import evaluation

from selfscore.judging.tfidf import fit_judge
from selfscore.metrics.figures import COLUMNS
from selfscore.pipelines.evaluation.counterfactual import EDIT_COLUMNS
from selfscore.pipelines.evaluation.judgement import judge_explanations
from selfscore.pipelines.evaluation.measurement import measure_policies
from selfscore.pipelines.evaluation.prediction import tabulate_predictions
from selfscore.pipelines.evaluation.reader import COLUMNS as READ_COLUMNS
from selfscore.pipelines.evaluation.settings import EvaluationSettings
from selfscore.vlm.response import write_response
from selfscore.vlm.writing.prediction import Prediction

Levels = list[int | None]


@dataclass
class Answers:
    """A scale of three levels, a word for each, and policies that use them."""

    scale: dict[str, Any] = field(
        default_factory=lambda: {"levels": 3, "values": [1.5, 5.0, 9.0]}, init=False
    )
    score_scale: ClassVar = replace(SCALE, levels=3, edges=[3.0, 7.0], values=[1.5, 5.0, 9.0])
    words = ("It is terrible.", "It is fair.", "It is superb.")

    def scored(self, n: int, split: str = "test", per_group: int = 1) -> pd.DataFrame:
        levels = np.arange(n) % 3
        return pd.DataFrame(
            {
                "image_id": [f"{split} {row}" for row in range(n)],
                "path": [f"{split} {row}.jpg" for row in range(n)],
                "split": split,
                "group": [f"{split} scene {row // per_group}" for row in range(n)],
                "score": [self.scale["values"][level] for level in levels],
                "level": levels,
            }
        )

    def one(self, level: int | None, probabilities: list[float] | None = None) -> Prediction:
        explanation = "" if level is None else self.words[level]
        return Prediction(
            response="no idea" if level is None else write_response(level, explanation),
            emitted_level=level,
            explanation=explanation,
            probabilities=np.array(probabilities or [0.2, 0.3, 0.5]),
        )

    def sure(self, levels: list[int]) -> list[Prediction]:
        """Answers whose distribution follows the level they write."""
        return [self.one(level, [0.8 if level == k else 0.1 for k in range(3)]) for level in levels]

    def table(
        self, rows: pd.DataFrame, levels: Levels | list[Prediction], name: str = "merged"
    ) -> pd.DataFrame:
        given = [row if isinstance(row, Prediction) else self.one(row) for row in levels]
        return tabulate_predictions(rows, given, self.score_scale, name, number=1)

    def forced(self, n: int, accepted: bool = True) -> pd.DataFrame:
        """Two texts an image, for the levels 0 and 2, that say so."""
        sides = [("chosen", 2), ("rejected", 0)]
        return pd.DataFrame(
            [
                {
                    "image_id": f"train {row}", "split": "train", "side": side, "level": level,
                    "explanation": self.words[level], "accepted": accepted,
                }
                for row in range(n) for side, level in sides
            ],
            columns=["image_id", "split", "side", "level", "explanation", "accepted"],
        )  # fmt: skip


@pytest.fixture(scope="session")
def answers() -> Answers:
    return Answers()


@pytest.fixture
def settings() -> EvaluationSettings:
    return evaluation(min_group=5)


@pytest.fixture
def judged(answers: Answers, settings: EvaluationSettings) -> Callable[..., Any]:
    """Runs `judge_explanations` on tables of predictions; what is not given is plain."""
    state = fit_judge(list(answers.words) * 20, [0, 1, 2] * 20, n_levels=3)

    def judge(*tables: pd.DataFrame, **given: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
        arguments: dict[str, Any] = {
            "consistency_judge": state,
            "base_policy": policy_over(score_scale=answers.score_scale),
            "hosted_verdicts": {},
            "generations": answers.forced(3),
            "attributes": pd.DataFrame({"image_id": [], "blur": []}),
            "statement_lexicon": [],
            "settings": settings,
            "seed": 0,
            "machine": MACHINE,
            "checkpoint": {},
            **{table["policy"].iloc[0]: table for table in tables},
        }
        return judge_explanations(**(arguments | given))

    return judge


@pytest.fixture
def measured(
    answers: Answers, settings: EvaluationSettings, judged: Callable[..., Any]
) -> Callable[..., pd.DataFrame]:
    """Judges and measures tables of predictions; `images` are all there are, evaluated or not."""

    def measure(
        *tables: pd.DataFrame, images: pd.DataFrame | None = None, seed: int = 0, **given: Any
    ) -> pd.DataFrame:
        return measure_policies(
            *judged(*tables, **given),
            answers.scored(30, "train") if images is None else images,
            policy_over(score_scale=answers.score_scale),
            given.get("settings", settings),
            seed,
            pd.DataFrame(columns=COLUMNS),
            pd.DataFrame(columns=EDIT_COLUMNS),
            pd.DataFrame(columns=READ_COLUMNS),
            **{table["policy"].iloc[0]: table for table in tables},
        )

    return measure
