"""What the champion changed, and when a change counts as one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from stage_settings import reporting

from selfscore.report.changes import COLUMNS, measure_changes, shown_round
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
            "expected_score": score + noise * random.normal(size=n),
            "emitted_level": pd.array(level, dtype="Int64"),
            "inferred_level": level + noise * random.normal(size=n),
            "valid": True,
            "faithfulness": np.clip(faithful + 0.1 * random.normal(size=n), 0, 1),
            "probabilities": list(random.dirichlet(np.ones(10), n)),
        }
    )


def changes(
    base: pd.DataFrame, merged: pd.DataFrame, settings: ReportingSettings = SETTINGS
) -> pd.DataFrame:
    judgements = pd.concat([base.assign(round=0), merged.assign(round=1)], ignore_index=True)
    table = measure_changes({"round": 1}, judgements, settings, 0)
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
        table = changes(base, merged, settings)
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
