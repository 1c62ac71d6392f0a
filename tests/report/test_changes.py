"""What the champion changed, and when a change counts as one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from stage_settings import reporting

from selfscore.report.changes import (
    AS_CONSTANT,
    BETTER,
    COLUMNS,
    WITHOUT_LABELS,
    measure_changes,
    shown_round,
)
from selfscore.report.settings import ReportingSettings

SETTINGS = reporting(resampling_unit="image", n_resamples=300)


def judged(noise: float, faithful: float, policy: str, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    n = 80
    score = np.random.default_rng(0).uniform(0, 9, n)
    level = score.astype(int)
    return pd.DataFrame(
        {
            "policy": policy,
            "image_id": [f"{place}" for place in range(n)],
            "split": "test",
            "group": "",
            "score": score,
            "level": level,
            "expected_score": (scores := score + noise * random.normal(size=n)),
            "expected_level": scores,
            "emitted_level": pd.array(level, dtype="Int64"),
            "inferred_level": level + noise * random.normal(size=n),
            "valid": True,
            "faithfulness": np.clip(faithful + 0.1 * random.normal(size=n), 0, 1),
            "probabilities": list(random.dirichlet(np.ones(10), n)),
        }
    )


def training() -> pd.DataFrame:
    """Training images with the scores of those that are judged."""
    score = np.random.default_rng(0).uniform(0, 9, 80)
    return pd.DataFrame({"split": "train", "score": score, "level": score.astype(int)})


def changes(
    base: pd.DataFrame, merged: pd.DataFrame, settings: ReportingSettings = SETTINGS
) -> pd.DataFrame:
    judgements = pd.concat([base.assign(round=0), merged.assign(round=1)], ignore_index=True)
    table = measure_changes({"round": 1}, judgements, training(), settings, 0)
    return table[table["against"] == "base"].set_index("metric")


def test_a_large_change_counts() -> None:
    table = changes(judged(6, 0.9, "base", 1), judged(1, 0.6, "merged", 2))
    assert table.loc["srcc", "verdict"] == "better" and table.loc["srcc", "low"] > 0
    # The error has fallen, which is better.
    assert table.loc["mae", "change"] < 0 and table.loc["mae", "verdict"] == "better"
    assert table.loc["faithfulness", "verdict"] == "worse"
    assert table.loc["format_valid", "verdict"] == "unclear"


def test_luck_seldom_counts() -> None:
    """At 95 %, one in twenty policies that are equally good seems better or worse."""
    settings = replace(SETTINGS, n_resamples=100)
    clear = 0
    for seed in range(20):
        base, merged = judged(3, 0.8, "base", 2 * seed), judged(3, 0.8, "merged", 2 * seed + 1)
        # Those two say what SRCC and MAE say.
        table = changes(base, merged, settings).drop(index=["plcc", "within_1"])
        clear += int((table["verdict"] != "unclear").sum())
    assert clear <= 0.12 * 20 * len(table)


def test_the_figures_are_the_ones_of_scipy() -> None:
    base, merged = judged(6, 0.9, "base", 1), judged(1, 0.6, "merged", 2)
    row = changes(base, merged).loc["srcc"]
    before, after = (
        spearmanr(rows["expected_score"], rows["score"]).statistic for rows in (base, merged)
    )
    assert row["before"] == pytest.approx(before) and row["after"] == pytest.approx(after)
    assert row["change"] == pytest.approx(after - before)


def test_only_images_with_both_values_are_compared() -> None:
    base, merged = judged(3, 0.8, "base", 1), judged(3, 0.8, "merged", 2)
    base.loc[:9, "faithfulness"] = np.nan
    merged.loc[5:19, "faithfulness"] = np.nan
    table = changes(base, merged)
    assert table.loc["faithfulness", "n"] == 60
    assert table.loc["srcc", "n"] == 80


def test_what_was_not_measured_is_left_out() -> None:
    base, merged = judged(3, 0.8, "base", 1), judged(3, 0.8, "merged", 2)
    table = changes(base.assign(faithfulness=np.nan), merged)
    assert "faithfulness" not in table.index


def test_the_round_before_and_the_experts_are_compared_too(reported: dict[str, Any]) -> None:
    table = reported["iteration_changes"]
    assert list(table) == COLUMNS
    assert list(table["against"].unique()) == ["base", "round_1", "scoring", "consistency"]
    assert not table.duplicated(["against", "metric"]).any()


def test_where_the_base_model_stays_the_last_round_is_shown() -> None:
    assert shown_round({"round": 0}, rounds=3) == 3
    assert shown_round({"round": 2}, rounds=3) == 2


def test_what_one_answer_for_all_does_as_well_is_not_called_better() -> None:
    """Noise of 6 around the truth, and of 3: closer, and still worse than the median for all."""
    table = changes(judged(9, 0.8, "base", 1), judged(3.2, 0.8, "merged", 2))
    row = table.loc["mae"]
    assert row["high"] < 0 and row["after"] > row["constant"]
    assert row["verdict"] == AS_CONSTANT and not row["beyond"]
    score = training()["score"]
    assert row["constant"] == pytest.approx((score - score.median()).abs().mean())
    for order in ("srcc", "plcc"):
        assert table.loc[order, "constant"] == 0.0


def test_a_rank_correlation_that_may_be_none_is_not_called_better() -> None:
    base, merged = judged(3, 0.8, "base", 1), judged(3, 0.8, "merged", 2)
    # From the wrong order to none at all.
    base["expected_score"] = -base["score"]
    merged["expected_score"] = np.random.default_rng(5).permutation(merged["score"])
    row = changes(base, merged).loc["srcc"]
    assert row["low"] > 0 and row["verdict"] == AS_CONSTANT


def test_what_takes_no_true_scores_is_no_gain_from_them() -> None:
    base, merged = judged(6, 0.4, "base", 1), judged(1, 0.9, "merged", 2)
    table = changes(base, merged)
    for name in ("consistency", "faithfulness"):
        assert table.loc[name, "low"] > 0 and table.loc[name, "verdict"] == WITHOUT_LABELS
        assert np.isnan(table.loc[name, "constant"]) and table.loc[name, "beyond"] is None
    assert table.loc["srcc", "verdict"] == BETTER and table.loc["srcc", "beyond"]


def test_the_change_says_how_many_groups_it_rests_on() -> None:
    base, merged = judged(6, 0.9, "base", 1), judged(1, 0.9, "merged", 2)
    scenes = [f"scene {row % 3}" for row in range(80)]
    settings = replace(SETTINGS, resampling_unit="group")
    table = changes(base.assign(group=scenes), merged.assign(group=scenes), settings)
    assert (table["drawn"] == 3).all() and (table["n"] == 80).all()
    assert (changes(base, merged)["drawn"] == 80).all()
