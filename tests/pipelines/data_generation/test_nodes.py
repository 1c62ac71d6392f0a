import numpy as np
import pandas as pd
import pytest
import tiny_vlm
from cards import MACHINE, policy_over
from images import coloured_images
from interrupted import killed_and_begun_again

from selfscore.pipelines.data_generation.nodes import (
    explain_forced_levels,
    explain_freely,
    force_levels,
)
from selfscore.pipelines.data_generation.pipeline import create_pipeline
from selfscore.pipelines.data_generation.settings import DataGenerationSettings
from selfscore.preference_data.quality_gates import QualityGates
from selfscore.vlm.image_features import StoredFeatures
from selfscore.vlm.options import Decoding

IMAGES = coloured_images(4)


def parameters(**changes):
    values = {
        "exclusion_radius": 2,
        "wrong_level": "even",
        "conditioning": "prefix",
        "decoding": Decoding(1.0, 6, 4),
        "max_attempts": 2,
        "min_accepted": 0.5,
        "gates": QualityGates(1, 80, 1.0, 1.0),
    }
    return DataGenerationSettings(**values | changes)


@pytest.fixture(scope="module")
def scored_images():
    return pd.DataFrame(
        {
            "image_id": ["0", "1", "2", "3"],
            "path": list(IMAGES),
            "split": ["train", "train", "train", "test"],
            "group": "a",
            "level": [0, 5, 9, 3],
        }
    )


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    folder = tiny_vlm.save_idefics3(tmp_path_factory.mktemp("idefics3"))
    return policy_over(folder)


@pytest.fixture(scope="module")
def features(policy):
    return StoredFeatures(policy.card.base_model.record(), {})


def test_only_training_images_are_explained_each_on_two_sides(scored_images):
    forced = force_levels(policy_over(), scored_images, parameters(), seed=0)
    assert set(forced["image_id"]) == {"0", "1", "2"}
    sides = forced.pivot(index="image_id", columns="side", values="level")
    assert sides["chosen"].to_dict() == {"0": 0, "1": 5, "2": 9}
    assert ((sides["rejected"] - sides["chosen"]).abs() > 2).all()


def test_forced_levels_follow_the_seed(scored_images):
    many = pd.concat([scored_images] * 20, ignore_index=True)
    draws = [force_levels(policy_over(), many, parameters(), seed)["level"] for seed in (0, 0, 1)]
    assert draws[0].equals(draws[1])
    assert not draws[0].equals(draws[2])


def test_a_model_that_never_writes_the_format_is_told_so(scored_images, policy, features):
    forced = force_levels(policy_over(), scored_images, parameters(), seed=0)
    with pytest.raises(
        ValueError,
        match=r"(?s)Only 0% of the explanations.*6 malformed.*#Score: 0.*choose a model that",
    ):
        explain_forced_levels(policy, IMAGES, features, forced, parameters(), MACHINE, 0, {})


def test_what_fails_stays_in_the_table_with_its_reason(scored_images, policy, features):
    forced = force_levels(policy_over(), scored_images, parameters(), seed=0)
    lenient = parameters(min_accepted=0.0, max_attempts=3)
    table = explain_forced_levels(policy, IMAGES, features, forced, lenient, MACHINE, 0, {})
    assert len(table) == len(forced)
    assert (table["attempts"] == 3).all()
    assert set(table["reason"]) == {"malformed"}
    assert not table["accepted"].any()
    starts = [f"#Score: {level}\n#Explanation:" for level in table["level"]]
    pairs = zip(table["response"], starts, strict=True)
    assert all(response.startswith(start) for response, start in pairs)


@pytest.mark.parametrize("stored", [1, 3])
def test_killed_in_either_attempt_it_ends_with_the_same_table(
    scored_images, policy, features, stored
):
    forced = force_levels(policy_over(), scored_images, parameters(), seed=0)
    # The six texts take two batches in each attempt.
    lenient = parameters(min_accepted=0.0)

    def work(done):
        return explain_forced_levels(policy, IMAGES, features, forced, lenient, MACHINE, 0, done)

    whole = work({})
    again = killed_and_begun_again(work, stored)
    pd.testing.assert_frame_equal(again, whole, check_exact=True)


def test_conditioning_by_instruction_asks_another_question(scored_images, policy, features):
    forced = force_levels(policy_over(), scored_images, parameters(), seed=0)
    texts = [
        explain_forced_levels(
            policy,
            IMAGES,
            features,
            forced,
            parameters(
                min_accepted=0.0,
                max_attempts=1,
                conditioning=conditioning,
                decoding=Decoding(1.0, 24, 4),
            ),
            MACHINE,
            0,
            {},
        )["response"].to_numpy()
        for conditioning in ("prefix", "prefix", "instruction")
    ]
    assert np.array_equal(texts[0], texts[1])
    assert not np.array_equal(texts[0], texts[2])


def test_free_texts_are_written_without_a_start_once_a_training_image(
    scored_images, policy, features
):
    lenient = parameters(min_accepted=0.0, max_attempts=1, conditioning="instruction")
    table = explain_freely(policy, IMAGES, features, scored_images, lenient, MACHINE, 0, {})
    assert table["image_id"].tolist() == ["0", "1", "2"]
    assert not table["response"].str.startswith("#Score:").any()
    assert table["level"].isna().all() and not table["accepted"].any()
    # Under the rating prompt, so writing them tells how likely they are.
    assert set(table["side"]) == {"free"}


def test_free_texts_are_written_where_they_are_needed():
    assert "free_texts" not in create_pipeline().outputs()
    assert "free_texts" in create_pipeline(free_texts=True).outputs()
