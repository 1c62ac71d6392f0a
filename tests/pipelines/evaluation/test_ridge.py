"""The ridge control: what it may look at, and when there is none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from cards import policy_over

from selfscore.datasets.contracts import Figures
from selfscore.metrics.figures import of_judges
from selfscore.pipelines.evaluation.ridge import measure_ridge
from selfscore.pipelines.evaluation.settings import EvaluationSettings
from selfscore.vlm.image_features import ImageFeatures, StoredFeatures


def features(images: pd.DataFrame, shape: tuple[int, ...] = (5, 3)) -> StoredFeatures:
    """Tokens of which one number is the score, in the type in which a GPU keeps them."""
    random = np.random.default_rng(0)
    tokens = {
        row.path: torch.tensor(random.normal(size=shape)).to(torch.bfloat16)
        for row in images.itertuples()
    }
    for row in images.itertuples():
        tokens[row.path][..., 0] = row.score
    return StoredFeatures({}, {path: ImageFeatures(found, "") for path, found in tokens.items()})


@pytest.fixture
def images(answers: Any) -> pd.DataFrame:
    parts = [answers.scored(60, "train"), answers.scored(15, "validation"), answers.scored(30)]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def measured(answers: Any, settings: EvaluationSettings) -> Any:
    policy = policy_over(score_scale=answers.score_scale)

    def measure(stored: StoredFeatures, images: pd.DataFrame, **changes: Any) -> pd.DataFrame:
        return measure_ridge(stored, images, policy, replace(settings, **changes), 0)

    return measure


# With features of single layers, as DeepStack adds them, too.
@pytest.mark.parametrize("shape", [(5, 3), (5, 2, 3)])
def test_what_the_features_tell_is_found(
    images: pd.DataFrame, measured: Any, shape: tuple[int, ...]
) -> None:
    found = measured(features(images, shape), images)
    Figures.validate(found)
    assert set(found["split"]) == {"validation", "test"} and set(found["of"]) == {"ridge"}
    value = found.set_index(["split", "metric"])["value"]
    assert value["test", "srcc"] > 0.9 and value["test", "exact"] == 1.0
    assert of_judges(found).empty


def test_the_evaluated_scores_teach_it_nothing(images: pd.DataFrame, measured: Any) -> None:
    """Turned upside down, they are met by the same predictions."""
    turned = images.assign(
        score=images["score"].where(images["split"] == "train", -images["score"])
    )
    value, other = (
        measured(features(images), rows).set_index(["split", "metric"])["value"]
        for rows in (images, turned)
    )
    for metric in ("srcc", "plcc", "kendall"):
        assert other["test", metric] == pytest.approx(-value["test", metric])


def test_without_all_features_of_a_split_there_is_none(
    images: pd.DataFrame, measured: Any, caplog: pytest.LogCaptureFixture
) -> None:
    stored = features(images[images["split"] != "test"])
    assert set(measured(stored, images)["split"]) == {"validation"}
    # Some of the training images are enough, for they come first where not all can be kept.
    few = pd.concat([images.head(20), images[images["split"] == "test"]])
    assert set(measured(features(few), images)["split"]) == {"test"}
    with caplog.at_level("INFO"):
        assert measured(StoredFeatures({}, {}), images).empty
    assert "features are not stored" in caplog.text
