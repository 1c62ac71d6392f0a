import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from resamples import resampled
from scipy import stats

from selfscore.metrics.gains import srcc_gain
from selfscore.metrics.policy_metrics import policy_metrics, policy_metrics_by_group


def judgements(n: int = 80, seed: int = 0, noise: float = 1.5) -> pd.DataFrame:
    """Hand-made judgements on a scale where level k stands for the score k + 1."""
    generator = np.random.default_rng(seed)
    level = generator.integers(0, 10, n)
    expected = np.clip(level + generator.normal(0, noise, n), 0, 9)
    emitted = pd.array(np.round(expected), dtype="Int64")
    return pd.DataFrame(
        {
            "image_id": [f"image {row}" for row in range(n)],
            "score": level + 1.0,
            "level": level,
            "expected_level": expected,
            "expected_score": expected + 1.0,
            "valid": True,
            "emitted_level": emitted,
            "emitted_score": pd.array(np.round(expected) + 1.0, dtype="Float64"),
            "inferred_level": np.clip(np.round(expected) + generator.normal(0, 1, n), 0, 9),
            "faithfulness": generator.choice([0.5, 1.0, np.nan], n),
        }
    )


def invalidate(table: pd.DataFrame, rows: range) -> pd.DataFrame:
    table = table.copy()
    table.loc[list(rows), ["emitted_level", "emitted_score"]] = pd.NA
    table.loc[list(rows), ["inferred_level", "faithfulness"]] = np.nan
    table.loc[list(rows), "valid"] = False
    return table


def figures(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    found = policy_metrics(table, 10, resampled(50)).set_index("metric")
    return {str(metric): dict(row) for metric, row in found.iterrows()}


def test_every_figure_against_its_definition() -> None:
    table = judgements()
    found = {metric: row["value"] for metric, row in figures(table).items()}
    emitted = table["emitted_level"].to_numpy(dtype=float)
    inferred, score = table["inferred_level"], table["score"]
    expected = {
        "srcc": stats.spearmanr(table["expected_score"], score).statistic,
        "plcc": stats.pearsonr(table["expected_score"], score).statistic,
        "mae": np.abs(table["expected_score"] - score).mean(),
        "kendall": stats.kendalltau(table["expected_score"], score).statistic,
        "rmse": np.sqrt(((table["expected_score"] - score) ** 2).mean()),
        "exact": (np.round(table["expected_level"]) == table["level"]).mean(),
        "within_1": (np.abs(table["expected_level"] - table["level"]) <= 1).mean(),
        "srcc_emitted": stats.spearmanr(emitted, score).statistic,
        "plcc_emitted": stats.pearsonr(emitted, score).statistic,
        "mae_emitted": np.abs(emitted + 1 - score).mean(),
        "kendall_emitted": stats.kendalltau(emitted, score).statistic,
        "rmse_emitted": np.sqrt(((emitted + 1 - score) ** 2).mean()),
        "within_1_emitted": (np.abs(emitted - table["level"]) <= 1).mean(),
        "exact_emitted": (emitted == table["level"]).mean(),
        "format_valid": 1.0,
        "level_entropy": stats.entropy(np.bincount(emitted.astype(int))) / np.log(10),
        "consistency": stats.spearmanr(inferred, emitted).statistic,
        "consistency_mae": np.abs(inferred - emitted).mean(),
        "consistency_within_1": (np.abs(inferred - emitted) <= 1).mean(),
        "inferred_srcc_true": stats.spearmanr(inferred, score).statistic,
        "faithfulness": table["faithfulness"].mean(),
    }
    assert set(found) == set(expected)
    for metric, value in expected.items():
        assert found[metric] == pytest.approx(value), metric


def test_value_lies_in_its_interval_and_rows_are_counted() -> None:
    table = judgements()
    found = figures(table)
    assert all(row["low"] <= row["value"] <= row["high"] for row in found.values())
    assert found["srcc"]["n"] == 80
    assert found["faithfulness"]["n"] == table["faithfulness"].notna().sum()


def test_invalid_answers_lower_format_valid_and_are_left_out_elsewhere() -> None:
    table = judgements()
    found = figures(invalidate(table, range(20)))
    rest = figures(table.iloc[20:])
    assert found["format_valid"]["value"] == 0.75
    assert found["format_valid"]["n"] == 80
    for metric in ("srcc_emitted", "mae_emitted", "consistency", "level_entropy"):
        assert found[metric]["value"] == pytest.approx(rest[metric]["value"])
        assert found[metric]["n"] == 60
    assert found["srcc"]["value"] == figures(table)["srcc"]["value"]


def test_a_policy_that_never_keeps_the_format_is_still_ranked() -> None:
    found = figures(invalidate(judgements(), range(80)))
    assert found["format_valid"]["value"] == 0.0
    assert found["srcc"]["value"] > 0.5
    for metric in ("srcc_emitted", "mae_emitted", "consistency", "level_entropy"):
        assert np.isnan(found[metric]["value"]) and found[metric]["n"] == 0


def test_without_severities_faithfulness_has_no_row() -> None:
    assert "faithfulness" not in figures(judgements().assign(faithfulness=np.nan))


def test_images_of_one_scene_are_drawn_together() -> None:
    table = judgements(60)
    scenes = pd.Series(np.arange(60) // 6)
    # Every picture of a scene is written off or none: what is known are ten scenes, not 60 images.
    table = invalidate(table, range(30))
    alone, together = (
        policy_metrics(table, 10, resampled(400, labels)).set_index("metric")
        for labels in (None, scenes)
    )
    assert together["value"]["format_valid"] == alone["value"]["format_valid"] == 0.5
    width = [
        float(found["high"]["format_valid"] - found["low"]["format_valid"])
        for found in (alone, together)
    ]
    assert width[1] > 1.5 * width[0]


def test_gain_is_the_difference_and_its_interval_is_paired() -> None:
    base, better = judgements(300, noise=3.0), judgements(300, noise=1.0)
    gain = srcc_gain(better, base, resampled()).iloc[0]
    values = [
        stats.spearmanr(table["expected_score"], table["score"]).statistic
        for table in (better, base)
    ]
    assert gain["value"] == pytest.approx(values[0] - values[1])
    assert gain["low"] > 0.1 and gain["high"] < 0.6 and gain["n"] == 300
    same = srcc_gain(base, base.sample(frac=1, random_state=0), resampled()).iloc[0]
    assert (same["value"], same["low"], same["high"]) == (0.0, 0.0, 0.0)


def test_gain_of_dependent_images_is_less_certain() -> None:
    base, better = judgements(300, noise=3.0), judgements(300, noise=1.0)
    scenes = pd.Series(better["level"] // 2)
    alone = srcc_gain(better, base, resampled()).iloc[0]
    together = srcc_gain(better, base, resampled(clusters=scenes)).iloc[0]
    assert together["value"] == alone["value"]
    assert together["high"] - together["low"] > alone["high"] - alone["low"]


def test_gain_counts_images_in_both_tables() -> None:
    table = judgements()
    assert srcc_gain(table.iloc[:50], table.iloc[30:], resampled()).iloc[0]["n"] == 20


def grouped(
    table: pd.DataFrame, min_group: int = 30, clusters: pd.Series | None = None
) -> pd.DataFrame:
    return policy_metrics_by_group(table, 10, "camera", min_group, resampled(50, clusters))


def test_groups_are_measured_beside_all_images() -> None:
    table = judgements(90).assign(camera=["a", "b", "b"] * 30)
    found = grouped(table)
    assert list(found["group"].unique()) == ["all", "a", "b"]
    for name, rows in (("all", table), ("a", table[::3]), ("b", table[table["camera"] == "b"])):
        alone = policy_metrics(rows, 10, resampled(50))
        part = found[found["group"] == name].drop(columns="group").reset_index(drop=True)
        pd.testing.assert_frame_equal(part, alone)


def test_small_groups_have_their_size_and_no_interval() -> None:
    table = judgements(80).assign(camera=["few"] * 20 + ["many"] * 60)
    found = grouped(table, min_group=21).set_index(["group", "metric"])
    assert found.loc[("few", "srcc"), "n"] == 20
    assert found.loc["few"][["low", "high"]].isna().all(axis=None)
    assert found.loc["few"]["value"].notna().all()
    assert found.loc["many"]["low"].notna().all()


def test_images_without_a_group_count_among_all_images_only() -> None:
    cameras = np.repeat(np.array(["a", "", None], dtype=object), [40, 30, 10])
    found = grouped(judgements(80).assign(camera=cameras)).set_index(["group", "metric"])
    assert set(found.index.get_level_values("group")) == {"all", "a"}
    assert found.loc[("all", "srcc"), "n"] == 80 and found.loc[("a", "srcc"), "n"] == 40


def test_without_a_grouping_column_there_are_the_pooled_figures() -> None:
    table = judgements()
    found = policy_metrics_by_group(table, 10, None, 30, resampled(50))
    assert (found["group"] == "all").all()
    assert list(found["value"]) == list(policy_metrics(table, 10, resampled(50))["value"])


def test_scenes_are_drawn_whole_within_groups() -> None:
    table = judgements(80).assign(camera=["a", "b"] * 40)
    scenes = pd.Series(np.arange(80) // 8, index=table.index)
    rows = table[table["camera"] == "b"]
    alone = policy_metrics(rows, 10, resampled(50, scenes.loc[rows.index]))
    found = grouped(table, clusters=scenes)
    assert list(found[found["group"] == "b"]["low"]) == list(alone["low"])


def test_unusable_groups_are_refused() -> None:
    with pytest.raises(ValueError, match="no column 'camera' to group"):
        grouped(judgements())
    with pytest.raises(ValueError, match="is called 'all'"):
        grouped(judgements(4).assign(camera=["a", "all", "a", "all"]))


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(40)))
def test_the_order_of_the_rows_does_not_matter(order: list[int]) -> None:
    table = judgements(40)
    first, second = (policy_metrics(rows, 10, resampled(1)) for rows in (table, table.iloc[order]))
    np.testing.assert_allclose(first["value"], second["value"], atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.integers(10, 60), st.integers(0, 1000), st.sampled_from([0.3, 2.0, 10.0]))
def test_every_value_lies_in_its_interval(n: int, seed: int, noise: float) -> None:
    table = judgements(n, seed, noise)
    found = policy_metrics(table, 10, resampled(200, seed=seed))
    # The entropy of resampled images is biased downwards; the others are centred on the value.
    found = found[(found["metric"] != "level_entropy") & found["value"].notna()]
    slack = 1e-9
    assert (found["low"] <= found["value"] + slack).all()
    assert (found["value"] <= found["high"] + slack).all()
