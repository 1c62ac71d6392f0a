from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cards import MACHINE, policy_over
from images import coloured_images
from stage_settings import evaluation

from selfscore.pipelines.evaluation.prediction import predict
from selfscore.pipelines.evaluation.reader import COLUMNS, calibrate_reader, read_texts
from selfscore.vlm.image_features import StoredFeatures
from selfscore.vlm.policy import Policy

IMAGES = coloured_images(8)
SETTINGS = evaluation(
    splits=["validation", "test"],
    decoding={"temperature": 0.0, "max_new_tokens": 6, "batch_size": 3},
    faithfulness={"reader": {"pictures": 3}},
)
SCORED = pd.DataFrame(
    {
        "image_id": [Path(key).stem for key in IMAGES],
        "path": list(IMAGES),
        "split": [*["validation"] * 4, *["test"] * 4],
        "group": "",
        "score": np.arange(8.0),
        "level": np.arange(8),
    }
)


@pytest.fixture(scope="module")
def predictions(idefics3: Policy) -> pd.DataFrame:
    """Answers of a model that has learnt nothing, with texts that it might have written."""
    given = predict(idefics3, IMAGES, _features(idefics3), SCORED, SETTINGS, MACHINE, 0, {}, "base")
    return given.assign(
        valid=given.index != 0,
        emitted_level=pd.array([pd.NA, *range(1, 8)], dtype="Int64"),
        explanation=["", *["The picture is sharp. It is a good picture."] * 7],
    )


def _features(policy: Policy) -> StoredFeatures:
    return StoredFeatures(policy.card.base_model.record(), {})


def shared(policy: Policy, settings: Any = SETTINGS) -> dict[str, Any]:
    return {
        "base_policy": policy,
        "images": IMAGES,
        "image_features": _features(policy),
        "scored_images": SCORED,
        "settings": settings,
        "machine": MACHINE,
        "seed": 0,
        "checkpoint": {},
    }


def test_a_model_that_cannot_tell_is_found_out(idefics3: Policy, predictions: pd.DataFrame) -> None:
    read, calibration = calibrate_reader(**shared(idefics3), predictions=predictions)
    assert list(read) == COLUMNS
    counts = read.groupby("split")["image_id"].nunique()
    assert counts["test"] == 3 and counts["validation"] in (2, 3)
    assert read[["told", "separation"]].notna().all(axis=None)
    # What such a model says is not kept.
    assert read["affirmed"].notna().all() == calibration["telling"]
    assert calibration["n"] == len(read) and 0 <= calibration["skill"] <= 1
    assert calibration["telling"] == (calibration["low"] > 0.5)


@pytest.mark.parametrize("telling", [True, False])
def test_it_is_asked_of_the_rounds_texts_only_if_it_can_tell(
    idefics3: Policy, predictions: pd.DataFrame, telling: bool
) -> None:
    tables = {"merged": predictions.assign(policy="merged"), "level": predictions}
    read = read_texts(**shared(idefics3), reader_calibration={"telling": telling}, **tables)
    assert read["affirmed"].notna().all() == telling
    assert read["affirmed_elsewhere"].notna().any() == telling
    assert read["separation"].between(0, 1).all()
    # The same images of every policy.
    assert read.groupby("policy")["image_id"].apply(frozenset).nunique() == 1


def test_without_pictures_no_model_is_loaded(predictions: pd.DataFrame) -> None:
    reader = replace(SETTINGS.faithfulness.reader, pictures=0)
    off = replace(SETTINGS, faithfulness=replace(SETTINGS.faithfulness, reader=reader))
    read, calibration = calibrate_reader(**shared(policy_over(), off), predictions=predictions)
    assert read.empty and calibration == {"n": 0, "telling": False}


def test_one_picture_has_no_other_to_be_held_against(
    idefics3: Policy, predictions: pd.DataFrame
) -> None:
    reader = replace(SETTINGS.faithfulness.reader, pictures=1)
    one = replace(SETTINGS, faithfulness=replace(SETTINGS.faithfulness, reader=reader))
    read, calibration = calibrate_reader(**shared(idefics3, one), predictions=predictions)
    assert read["affirmed"].isna().all() and read["separation"].notna().all()
    assert not calibration["telling"]
