"""Every training image is an example, with its text where that was accepted.

Validation images are beside them, with no text, and no other image.
"""

import numpy as np
import pandas as pd
import pytest
from pandera.errors import SchemaError

from selfscore.datasets.contracts import LevelExamples
from selfscore.preference_data.level_examples import LEVEL_COLUMNS, level_examples
from selfscore.preference_data.pairs import join_sides, scoring_pairs
from selfscore.preference_data.second_opinion import SecondOpinion

VALUES = [1.0, 2.0, 4.0, 8.0]
IMAGES = pd.DataFrame(
    {
        "image_id": list("abcde"),
        "path": [f"{name}.png" for name in "abcde"],
        "split": ["train", "validation", "train", "train", "test"],
        "score": [1.5, 2.0, 7.0, 9.0, 1.0],
        "level": [0, 1, 3, 3, 0],
    }
)
GENERATIONS = pd.DataFrame(
    [
        {
            "image_id": name,
            "path": f"{name}.png",
            "split": "train",
            "side": side,
            "level": level,
            "explanation": f"Text {name} {side}.",
            "accepted": (name, side) not in {("c", "chosen"), ("d", "rejected")},
        }
        for name, right, wrong in (("a", 0, 3), ("c", 3, 0), ("d", 3, 1))
        for side, level in (("chosen", right), ("rejected", wrong))
    ]
)


def test_each_training_image_has_its_score_and_the_accepted_have_their_text():
    table = level_examples(IMAGES, GENERATIONS, VALUES)
    LevelExamples.validate(table)
    assert list(table) == LEVEL_COLUMNS
    assert table["image_id"].tolist() == ["a", "b", "c", "d"]
    assert table["position"].tolist() == [0.5, 1.0, 2.75, 3.0]
    assert table["spread"].isna().all()
    np.testing.assert_array_equal(table["target"][2], [0, 0, 0.25, 0.75])
    assert [bool(text) for text in table["response"]] == [True, False, False, True]
    pairs = scoring_pairs(join_sides(GENERATIONS))
    assert table["response"][0] == pairs["chosen"][0] == "#Score: 0\n#Explanation: Text a chosen."


def test_a_spread_makes_the_levels_wide():
    table = level_examples(IMAGES.assign(spread=[0.8, 1.0, np.nan, 0.8, 0.8]), GENERATIONS, VALUES)
    LevelExamples.validate(table)
    assert (np.array(table["target"][0]) > 0).all()
    np.testing.assert_array_equal(table["target"][2], [0, 0, 0.25, 0.75])


def test_training_images_move_to_the_second_opinion_by_its_share():
    opinion = SecondOpinion({"a.png": 1.5, "b.png": 3.0, "c.png": 0.75, "e.png": 2.0}, 0.5)
    table = level_examples(IMAGES, GENERATIONS, VALUES, opinion)
    LevelExamples.validate(table)
    assert table["position"].tolist() == [1.0, 1.0, 1.75, 3.0]
    assert table["ridge"].tolist() == pytest.approx([1.5, np.nan, 0.75, np.nan], nan_ok=True)
    assert table["ridge_share"].tolist() == [0.5, 0.0, 0.5, 0.0]
    assert table["level"].tolist() == [0, 1, 3, 3]
    np.testing.assert_array_equal(table["target"][2], [0, 0.25, 0.75, 0])


def test_levels_that_say_another_score_are_refused():
    table = level_examples(IMAGES, GENERATIONS, VALUES)
    with pytest.raises(SchemaError, match="mean `position`"):
        LevelExamples.validate(table.assign(position=table["position"] + 0.1))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"split": "test"}, "isin"),
        ({"split": "validation", "response": ""}, "there are no training images"),
        (
            {"split": ["validation", "validation", "train", "train"]},
            "a validation image has a text",
        ),
        ({"ridge_share": 0.5}, "a validation image has a second opinion"),
    ],
)
def test_what_must_not_be_learnt_from_is_refused(changes, said):
    table = level_examples(IMAGES, GENERATIONS, VALUES)
    with pytest.raises(SchemaError, match=said):
        LevelExamples.validate(table.assign(**changes))
