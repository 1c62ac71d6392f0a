import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tiny_vlm
from cards import MACHINE, SCALE, policy_over
from images import coloured_images
from interrupted import killed_and_begun_again
from random_adapter import random_adapter
from stage_settings import evaluation

from selfscore.datasets.contracts import Predictions
from selfscore.pipelines.evaluation.prediction import predict, tabulate_predictions
from selfscore.vlm.image_features import StoredFeatures
from selfscore.vlm.policy import Policy

POINTS = replace(SCALE, values=[float(10 * level) for level in range(10)])
SETTINGS = evaluation(
    splits=["test"], decoding={"temperature": 0.0, "max_new_tokens": 6, "batch_size": 3}
)
IMAGES = coloured_images(5)
SCORED = pd.DataFrame(
    {
        "image_id": [Path(key).stem for key in IMAGES],
        "path": list(IMAGES),
        "split": ["train", *["test"] * 4],
        "group": "a",
        "score": np.arange(5.0),
        "level": np.arange(5),
    }
)


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    folder = tiny_vlm.save_idefics3(tmp_path_factory.mktemp("model"))
    return policy_over(folder, score_scale=POINTS)


@pytest.fixture(scope="module")
def features(policy: Policy) -> StoredFeatures:
    return StoredFeatures(policy.card.base_model.record(), {})


def test_only_the_asked_splits_are_predicted_and_keep_the_contract(
    policy: Policy, features: StoredFeatures
) -> None:
    arguments = (IMAGES, features, SCORED, SETTINGS, MACHINE, 0)
    table = predict(policy, *arguments, {}, "base")
    Predictions.validate(table)
    assert table["image_id"].tolist() == SCORED["image_id"].tolist()[1:]
    assert set(table["policy"]) == {"base"} and set(table["round"]) == {0}
    # Level k stands for the score 10 k, so the two expectations must agree.
    np.testing.assert_allclose(table["expected_score"], 10 * table["expected_level"])
    assert table["probabilities"].map(len).eq(10).all()


def test_killed_it_ends_with_the_same_table(policy: Policy, features: StoredFeatures) -> None:
    arguments = (IMAGES, features, SCORED, SETTINGS, MACHINE, 0)

    def work(done: dict[str, bytes]) -> pd.DataFrame:
        return predict(policy, *arguments, done, "base")

    again = killed_and_begun_again(work, 1)
    pd.testing.assert_frame_equal(again, work({}), check_exact=True)


def test_an_experts_adapter_is_laid_over_the_policy(
    policy: Policy, features: StoredFeatures
) -> None:
    arguments = (IMAGES, features, SCORED, SETTINGS, MACHINE, 0)
    alone, with_adapter = (
        predict(policy, *arguments, {}, "scoring"),
        predict(policy, *arguments, {}, "scoring", adapter=random_adapter(policy.base_model, 1)),
    )
    assert not np.allclose(alone["expected_level"], with_adapter["expected_level"], atol=1e-4)
    assert set(with_adapter["round"]) == {1}
    # The adapter as the policy's own says the same: evaluation runs on what is stored.
    stored = predict(
        Policy(policy.card, random_adapter(policy.base_model, 1)), *arguments, {}, "scoring"
    )
    np.testing.assert_allclose(stored["expected_level"], with_adapter["expected_level"], atol=1e-6)


def test_predictions_are_given_in_levels_and_in_the_users_unit(answers: Any) -> None:
    given = [answers.one(2, [0.0, 0.5, 0.5]), answers.one(None, [1.0, 0.0, 0.0])]
    table = tabulate_predictions(answers.scored(2), given, answers.score_scale, "scoring", 2)
    assert table["round"].tolist() == [2, 2]
    assert table["policy"].tolist() == ["scoring", "scoring"]
    assert table["expected_level"].tolist() == [1.5, 0.0]
    assert table["expected_score"].tolist() == [7.0, 1.5]
    assert table["emitted_level"].dtype == "Int64" and table["emitted_score"].dtype == "Float64"
    assert table["emitted_level"][0] == 2 and table["emitted_score"][0] == 9.0
    assert pd.isna(table["emitted_level"][1]) and pd.isna(table["emitted_score"][1])
    assert table["valid"].tolist() == [True, False]
    assert table["explanation"].tolist() == ["It is superb.", ""]
    assert table["response"][1] == "no idea"


def test_predictions_survive_parquet(answers: Any, tmp_path: Path) -> None:
    table = answers.table(answers.scored(3), [0, 2, None])
    table.to_parquet(tmp_path / "predictions.parquet")
    loaded = pd.read_parquet(tmp_path / "predictions.parquet")
    assert loaded["emitted_level"].isna().tolist() == [False, False, True]
    np.testing.assert_allclose(np.stack(loaded["probabilities"].to_list()).sum(axis=1), 1.0)


def test_a_policy_that_never_keeps_the_format_is_named(
    answers: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        answers.table(answers.scored(3), [None] * 3, "scoring")
    assert "'scoring' never kept the response format in 3 answers" in caplog.text
    assert "rpo_alpha" in caplog.text
    caplog.clear()
    answers.table(answers.scored(3), [None, 1, None])
    assert caplog.text == ""


def test_splits_without_images_are_refused(answers: Any) -> None:
    rows = answers.scored(3, "train")
    none = StoredFeatures({}, {})
    with pytest.raises(ValueError, match=r"names 'test', and .* there is none"):
        predict(policy_over(), {}, none, rows, SETTINGS, MACHINE, 0, {}, "merged")
    # Nor one of several.
    rows = pd.concat([answers.scored(3), answers.scored(3, "locked")])
    both = evaluation(splits=["test", "lock"])
    with pytest.raises(ValueError, match="names 'lock', and .* there is test, locked"):
        predict(policy_over(), {}, none, rows, both, MACHINE, 0, {}, "merged")
