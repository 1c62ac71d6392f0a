import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tiny_vlm
from cards import MACHINE, policy_over
from images import coloured_images
from stage_settings import evaluation

from selfscore.faithfulness.edits import Edit, EditedPictures, edits_of
from selfscore.pipelines.evaluation.counterfactual import (
    ANSWER_COLUMNS,
    EDIT_COLUMNS,
    answer_edits,
    find_mentions,
)
from selfscore.pipelines.evaluation.faithfulness import faithfulness_figures
from selfscore.pipelines.evaluation.reader import COLUMNS
from selfscore.pipelines.evaluation.settings import EvaluationSettings
from selfscore.vlm.image_features import StoredFeatures
from selfscore.vlm.policy import Policy

TERMS = {"blur": ["blurred"], "noise": ["noisy"]}
DECODING = {"temperature": 0.0, "max_new_tokens": 4, "batch_size": 8}


def settings(pictures: int = 2, **changes: Any) -> EvaluationSettings:
    asked = {"pictures": pictures, "strengths": [0.5, 1.0]}
    made = evaluation(faithfulness={"counterfactual": asked}, **{"decoding": DECODING, **changes})
    own = replace(made.faithfulness.counterfactual, terms=TERMS)
    return replace(made, faithfulness=replace(made.faithfulness, counterfactual=own))


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    return policy_over(tiny_vlm.save_idefics3(tmp_path_factory.mktemp("model")))


def answered(policy: Policy, asked: EvaluationSettings) -> pd.DataFrame:
    images = coloured_images(6)
    features = StoredFeatures(policy.card.base_model.record(), {})
    rows = pd.DataFrame(
        {
            "image_id": [Path(key).stem for key in images],
            "path": list(images),
            "split": ["train", "test", *["validation"] * 4],
            "group": "",
        }
    )
    return answer_edits(policy, images, features, rows, asked, MACHINE, 0, {}, "base")


def test_every_fault_is_rendered_at_every_strength_on_the_pictures_asked_for(
    policy: Policy, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        table = answered(policy, settings())
    assert "on 2 validation images: 10 scores and texts of every policy" in caplog.text
    assert list(table) == ANSWER_COLUMNS
    assert set(table["split"]) == {"validation"} and table["image_id"].nunique() == 2
    made = table.groupby("image_id")[["fault", "strength"]].apply(lambda rows: rows.values.tolist())
    assert all(
        edits == [["none", 0], ["blur", 0.5], ["blur", 1], ["noise", 0.5], ["noise", 1]]
        for edits in made
    )
    np.testing.assert_allclose(np.stack(table["probabilities"].to_list()).sum(axis=1), 1)


@pytest.mark.parametrize("how", ["no pictures", "no terms", "validation is not evaluated"])
def test_where_it_makes_no_sense_nothing_is_asked(how: str) -> None:
    asked = settings(0 if how == "no pictures" else 2)
    if how == "no terms":
        none = replace(asked.faithfulness.counterfactual, terms={"blur": []})
        asked = replace(asked, faithfulness=replace(asked.faithfulness, counterfactual=none))
    if how == "validation is not evaluated":
        asked = replace(asked, splits=["test"])
    # There is no such model: nothing is loaded.
    table = answered(policy_over(), asked)
    assert table.empty and list(table) == ANSWER_COLUMNS
    mentions = find_mentions({}, asked, 0, base_edited=table, base=pd.DataFrame({"split": []}))
    assert mentions.empty and list(mentions) == EDIT_COLUMNS
    assert faithfulness_figures(mentions, pd.DataFrame(columns=COLUMNS), asked, 0).empty


def test_an_edited_picture_is_the_same_each_time_and_another_one_than_its_neighbour() -> None:
    pictures = coloured_images(2)
    edits = edits_of(list(pictures), ["noise"], [0.5])
    edited, again = (EditedPictures(pictures, edits, 0) for _ in range(2))
    assert len(edited) == 4 and set(edited) == {edit.key for edit in edits}
    for path in pictures:
        unmade, noisy = Edit(path, "none", 0.0).key, Edit(path, "noise", 0.5).key
        assert edited[unmade].tobytes() == pictures[path].tobytes()
        assert edited[noisy].tobytes() == again[noisy].tobytes() != pictures[path].tobytes()


def predicted() -> pd.DataFrame:
    """Three pictures as they are: two at level 1, one that is called blurred already."""
    texts = ["It is fair.", "It is noisy and fair.", "It is blurred."]
    return pd.DataFrame(
        {
            "policy": "base",
            "image_id": ["a", "b", "c"],
            "split": "validation",
            "valid": True,
            "emitted_level": pd.array([1, 1, 0], dtype="Int64"),
            "probabilities": [[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]],
            "explanation": texts,
        }
    )


def edited() -> pd.DataFrame:
    rows = [
        ("a", "none", 0.0, True, 1, [0.0, 1.0], "It is fair, and noisy."),
        ("a", "blur", 0.5, True, 1, [0.6, 0.4], "It is blurred."),
        ("a", "noise", 0.5, True, 1, [0.2, 0.8], "It is fair."),
        ("c", "blur", 0.5, True, 0, [1.0, 0.0], "It is blurred."),
        ("c", "noise", 0.5, False, None, [1.0, 0.0], ""),
    ]
    names = [
        *("image_id", "fault", "strength", "valid", "emitted_level", "probabilities"),
        "explanation",
    ]
    table = pd.DataFrame(rows, columns=names)
    table["emitted_level"] = table["emitted_level"].astype("Int64")
    return table.assign(round=0, policy="base", split="validation", group="")[ANSWER_COLUMNS]


def test_a_mention_is_what_the_text_after_names_and_the_text_before_does_not() -> None:
    found = find_mentions({}, settings(), 0, base_edited=edited(), base=predicted())
    assert list(found) == EDIT_COLUMNS
    made = found[found["strength"] > 0].set_index(["image_id", "fault"])
    np.testing.assert_allclose(made["impact"], [0.6, 0.2, 0.0, 0.0])
    assert made["moved"].tolist() == [True, False, False, False]
    np.testing.assert_array_equal(made["mentioned"], [1, 0, 0, np.nan])
    # The other text of level 1 is that of b, which names noise; none but c has level 0.
    np.testing.assert_array_equal(made["mentioned_elsewhere"], [0, 1, np.nan, np.nan])
    assert made["words"].iloc[0] == 3 and made["judged"].isna().all()
    unmade = found[found["strength"] == 0].set_index("fault")
    assert unmade["mentioned"].to_dict() == {"blur": 0, "noise": 1}
