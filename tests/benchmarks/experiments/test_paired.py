import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from benchmarks.experiments.paired import known_srcc, paired_difference


def answers(noise: float, seeds: tuple[int, ...] = (1, 2, 3), writes: bool = True) -> pd.DataFrame:
    """Forty images of eight scenes, whose scores a policy meets up to noise."""
    tables = []
    for seed in seeds:
        random = np.random.default_rng(seed)
        score = np.linspace(1, 10, 40)
        stated = (score + noise * random.normal(size=40)).round()
        tables.append(
            pd.DataFrame(
                {
                    "seed": seed,
                    "image_id": [f"image {place}" for place in range(40)],
                    "group": [f"scene {place % 8}" for place in range(40)],
                    "score": score,
                    "expected": score + noise * random.normal(size=40),
                    "valid": 1.0 if writes else np.nan,
                    "stated": stated if writes else np.nan,
                    "inferred": stated + random.normal(size=40) if writes else np.nan,
                    "faithfulness": 0.8 if writes else np.nan,
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def test_the_difference_is_the_mean_over_seeds_of_the_same_images() -> None:
    better, worse = answers(0.5), answers(6.0)
    found = paired_difference(better, worse, "srcc")
    assert found is not None
    reached = [
        spearmanr(table.loc[table["seed"] == seed, "expected"], np.linspace(1, 10, 40)).statistic
        for table in (better, worse)
        for seed in (1, 2, 3)
    ]
    assert found.value == pytest.approx(np.mean(reached[:3]) - np.mean(reached[3:]))
    assert 0 < found.low < found.value < found.high
    turned = paired_difference(worse, better, "srcc")
    assert turned is not None and turned.value == pytest.approx(-found.value)


def test_a_policy_is_not_ahead_of_itself() -> None:
    own = answers(2.0)
    for metric in ("srcc", "consistency", "faithfulness", "format_valid"):
        found = paired_difference(own, own, metric)
        assert found is not None and (found.value, found.low, found.high) == (0, 0, 0)


def test_seeds_that_scatter_widen_the_interval() -> None:
    steady = answers(1.0)
    # Every seed's images are as before, but one seed of the other is far worse.
    other = pd.concat([answers(1.0, (1, 2)), answers(20.0, (3,))], ignore_index=True)
    found = paired_difference(steady, other, "srcc")
    alone = paired_difference(answers(1.0, (3,)), answers(20.0, (3,)), "srcc")
    assert found is not None and alone is not None
    assert found.low < alone.value / 9
    assert found.value == pytest.approx(alone.value / 3)


def test_only_common_seeds_and_images_count_in_whatever_order() -> None:
    own, other = answers(1.0), answers(3.0)
    whole = paired_difference(own, other, "srcc")
    assert paired_difference(own, other.sample(frac=1, random_state=0), "srcc") == whole
    fewer = other[(other["seed"] < 3) & (other["image_id"] != "image 7")]
    found = paired_difference(own, fewer, "srcc")
    assert found is not None and found.n == 39
    assert paired_difference(own, answers(1.0, (7,)), "srcc") is None


def test_what_writes_nothing_is_compared_by_its_score_alone() -> None:
    own, silent = answers(1.0), answers(1.0, writes=False)
    assert paired_difference(own, silent, "srcc") is not None
    for metric in ("consistency", "faithfulness", "format_valid"):
        assert paired_difference(own, silent, metric) is None


def test_consistency_rests_on_the_answers_that_can_be_read() -> None:
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, 5, 30))
    a[:, :7] = np.nan
    b[2, 9] = np.nan
    found = known_srcc(a, b)
    for row in range(5):
        there = ~(np.isnan(a[row]) | np.isnan(b[row]))
        assert found[row] == pytest.approx(spearmanr(a[row][there], b[row][there]).statistic)
