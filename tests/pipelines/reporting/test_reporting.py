import logging

import numpy as np
import pandas as pd
import pytest
from stage_settings import reporting

from selfscore.metrics.figures import COLUMNS
from selfscore.pipelines.reporting import create_pipeline
from selfscore.pipelines.reporting.over_rounds import gather_figures, stack_rounds

SETTINGS = reporting(n_resamples=100)
POLICIES = ("scoring", "consistency", "merged")


def judged(policies: tuple[str, ...], noise: float, number: int = 0) -> pd.DataFrame:
    """Expected scores that follow the true ones the better, the smaller the noise."""
    generator = np.random.default_rng(0)
    tables = []
    for policy in policies:
        for split in ("validation", "test"):
            score = generator.uniform(1, 10, 60)
            table = pd.DataFrame({"image_id": [f"{split} {row}" for row in range(60)]})
            tables.append(
                table.assign(
                    round=number,
                    policy=policy,
                    split=split,
                    group="",
                    score=np.random.default_rng(7).permutation(60) / 6,
                    expected_score=np.random.default_rng(7).permutation(60) / 6
                    + noise * (score - score.mean()),
                )
            )
    return pd.concat(tables, ignore_index=True)


def measures(policies: tuple[str, ...], level: float, number: int = 0) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "round": number,
                "policy": policy,
                "split": split,
                "group": "all",
                "of": "",
                "metric": metric,
                "value": level + 0.01 * position,
                "low": level - 0.05,
                "high": level + 0.08,
                "n": 60,
            }
            for position, policy in enumerate(policies)
            for split in ("validation", "test")
            for metric in SETTINGS.metrics
        ]
    )


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return gather_figures(
        stack_rounds(judged(("base",), 3.0), judged(POLICIES, 1.0, 1), judged(POLICIES, 0.3, 2)),
        SETTINGS,
        0,
        measures(("base",), 0.2),
        measures(POLICIES, 0.5, 1),
        measures(POLICIES, 0.6, 2),
    )


def test_the_table_holds_every_figure_once(table: pd.DataFrame) -> None:
    assert list(table) == COLUMNS
    keys = ["round", "policy", "split", "group", "of", "metric"]
    assert not table.duplicated(keys).any()
    value = table.set_index(keys)["value"]
    assert value[0, "base", "test", "all", "", "srcc"] == 0.2
    assert value[2, "consistency", "validation", "all", "", "faithfulness"] == pytest.approx(0.61)
    # One gain per policy and split of the rounds, none for the base model itself.
    gains = table[table["metric"] == "srcc_gain"]
    assert len(gains) == 2 * 3 * 2 and set(gains["round"]) == {1, 2}
    assert (gains["low"] > 0).all() and (gains["n"] == 60).all()


def test_the_gain_is_taken_on_the_same_split(table: pd.DataFrame) -> None:
    from scipy.stats import spearmanr

    skill = {}
    for name, judgements in (("base", judged(("base",), 3.0)), ("merged", judged(POLICIES, 0.3))):
        rows = judgements[(judgements["policy"] == name) & (judgements["split"] == "test")]
        skill[name] = spearmanr(rows["expected_score"], rows["score"]).statistic
    gains = table[table["metric"] == "srcc_gain"].set_index(["round", "policy", "split"])["value"]
    assert gains[2, "merged", "test"] == pytest.approx(skill["merged"] - skill["base"])


def test_the_outcome_is_logged_in_reading_order(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        gather_figures(
            stack_rounds(judged(("base",), 3.0), judged(POLICIES, 1.0, 1)),
            SETTINGS,
            0,
            measures(("base",), 0.2),
            measures(POLICIES, 0.5, 1),
        )
    lines = caplog.text.splitlines()
    policies = [line.split()[1] for line in lines if line.strip()[:1] in ("0", "1")]
    assert policies == ["base", "scoring", "consistency", "merged"]
    assert "srcc_gain" in caplog.text


def test_the_pipeline_takes_the_tables_of_all_rounds_in_order() -> None:
    pipeline = create_pipeline(rounds=2)
    inputs = {node.name: node.inputs for node in pipeline.nodes}
    assert inputs["reporting.gather_figures"][3:] == [
        "baseline.figures",
        "iteration_1.figures",
        "iteration_2.figures",
    ]
    assert inputs["reporting.follow_judgements"] == [
        "baseline.judgements",
        "iteration_1.judgements",
        "iteration_2.judgements",
    ]
    assert pipeline.outputs() == {"report", "charts"}
