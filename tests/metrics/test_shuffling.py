import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from resamples import resampled

from selfscore.metrics.policy_metrics import policy_metrics
from selfscore.metrics.shuffling import random_partners, shuffle_images, shuffled_partners

groups = st.lists(st.integers(0, 6), min_size=2, max_size=40)


@given(groups, st.integers(0, 100))
def test_every_image_takes_another_place_and_leaves_its_group_where_possible(
    labels: list[int], seed: int
) -> None:
    partners = shuffled_partners(labels, seed)
    n = len(labels)
    assert sorted(partners) == list(range(n))
    assert (partners != np.arange(n)).all()
    group = np.array(labels)
    largest = np.bincount(group).max()
    if largest < n:
        assert (group == group[partners]).sum() == max(0, 2 * largest - n)


@given(st.integers(2, 40), st.integers(0, 100))
def test_without_groups_every_image_is_its_own(n: int, seed: int) -> None:
    none = shuffled_partners([""] * n, seed)
    np.testing.assert_array_equal(none, shuffled_partners(np.arange(n), seed))
    assert (none != np.arange(n)).all()


@given(st.integers(1, 20), st.integers(1, 5), st.integers(0, 100))
def test_images_of_no_group_do_not_belong_together(alone: int, scene: int, seed: int) -> None:
    """A picture takes the place of another one wherever there is one outside its scene."""
    labels = np.array(["a scene"] * scene + [""] * alone)
    partners = shuffled_partners(labels, seed)
    own = np.arange(len(labels))
    kept = max(0, 2 * max(scene, 1) - len(labels))
    assert (partners == own).sum() <= kept
    assert (partners[labels == ""] != own[labels == ""]).all()


def test_the_seed_decides_and_groups_are_mixed() -> None:
    scenes = np.repeat(np.arange(20), 15)
    first = shuffled_partners(scenes, 0)
    np.testing.assert_array_equal(first, shuffled_partners(scenes, 0))
    assert (first != shuffled_partners(scenes, 1)).mean() > 0.9
    sources = [len(set(scenes[first[scenes == scene]])) for scene in range(20)]
    assert min(sources) >= 5


def test_one_image_cannot_be_shuffled() -> None:
    with pytest.raises(ValueError, match="at least two"):
        shuffled_partners(["a"], 0)


def perfect(n: int) -> pd.DataFrame:
    """A policy that is right about every image; scenes are as good or bad as a whole."""
    scene = np.arange(n) // 10
    level = (scene + np.arange(n) % 3) % 10
    return pd.DataFrame(
        {
            "image_id": [f"image {row}" for row in range(n)],
            "group": scene.astype(str),
            "score": level + 1.0,
            "level": level,
            "expected_level": level,
            "expected_score": level + 1.0,
            "valid": True,
            "emitted_level": level,
            "emitted_score": level + 1.0,
            "inferred_level": level,
            "faithfulness": 1.0,
        },
        index=np.arange(n) + 100,
    )


def test_a_perfect_policy_knows_nothing_of_shuffled_images() -> None:
    table = perfect(600)
    shuffled = shuffle_images(table, 0)
    before, after = (
        policy_metrics(rows, 10, resampled(100)).set_index("metric") for rows in (table, shuffled)
    )
    assert before["value"]["srcc"] == pytest.approx(1.0)
    for metric in ("srcc", "plcc", "kendall", "srcc_emitted"):
        assert abs(after["value"][metric]) < 0.1
    assert after["value"]["consistency"] == pytest.approx(1.0)


def test_truths_stay_and_answers_move() -> None:
    table = perfect(60).assign(response=[f"answer {row}" for row in range(60)])
    shuffled = shuffle_images(table, 3)
    own = ["image_id", "group", "score", "level"]
    pd.testing.assert_frame_equal(shuffled[own], table[own])
    assert list(shuffled.columns) == list(table.columns)
    partners = shuffled_partners(table["group"], 3)
    assert list(shuffled["response"]) == [f"answer {row}" for row in partners]
    assert list(shuffled["expected_score"]) == list(table["expected_score"].iloc[partners])


@given(st.integers(2, 50), st.integers(0, 3))
def test_partners_at_random_are_others_each_once(n: int, seed: int) -> None:
    partners = random_partners(range(n), np.random.default_rng(seed))
    assert sorted(partners) == list(range(n))
    assert not (partners == np.arange(n)).any()
