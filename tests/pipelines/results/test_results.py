from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from selfscore.pipelines.results import create_pipeline
from selfscore.pipelines.results.nodes import (
    collect_seeds,
    draw_results_figure,
    summarize_seeds,
    write_results_page,
)

PARAMETERS: dict[str, Any] = {
    "split": "test",
    "metrics": ["srcc", "consistency", "faithfulness", "format_valid"],
    "figure_metrics": ["srcc", "consistency"],
    "targets": {"min_srcc_gain": 0.3, "min_format_valid": 0.98, "max_faithfulness_loss": 0.05},
}
POLICIES = [(0, "base"), (1, "scoring"), (1, "consistency"), (1, "merged"), (2, "merged")]
GOOD = {
    "srcc": [0.2, 0.5, 0.25, 0.45, 0.6],
    "srcc_gain": [np.nan, 0.3, 0.05, 0.25, 0.4],
    "consistency": [0.8, 0.7, 0.95, 0.9, 0.93],
    "faithfulness": [0.73, 0.73, 0.7, 0.72, 0.71],
    "format_valid": [1.0, 0.99, 1.0, 1.0, 0.995],
}
RUN: dict[str, Any] = {
    "command": "kedro run --pipelines=iteration --params=seed=1",
    "seconds": 300,
    "threads": 2,
    "cores": 2,
    "processor": "a processor",
    "python": "3.11.9",
    "finished": "2026-11-22T23:00:00+00:00",
    "commit": "abc1234",
    "versions": {"torch": "2.13.0"},
}


def table(shift: float = 0.0, changed: dict[str, list[float]] | None = None) -> pd.DataFrame:
    rows = [
        {
            "round": number,
            "policy": policy,
            "split": "test",
            "group": "all",
            "metric": metric,
            "value": value + (shift if metric.startswith("srcc") else 0.0),
            "low": value - 0.05,
            "high": value + 0.05,
            "n": 300,
        }
        for metric, values in (GOOD | (changed or {})).items()
        for (number, policy), value in zip(POLICIES, values, strict=True)
        if not np.isnan(value)
    ]
    return pd.DataFrame(rows)


def partitions(contents: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    """What a partitioned dataset hands over: names and what loads them."""
    return {name: partial(dict.get, contents, name) for name in contents}


def collected(*tables: pd.DataFrame, control: pd.DataFrame | None = None) -> pd.DataFrame:
    contents = {f"seed_{seed}": content for seed, content in enumerate(tables, start=1)}
    runs = {name: {**RUN, "seed": int(name[-1]), "control": False} for name in contents}
    if control is not None:
        contents["shuffled_1"] = control
        runs["shuffled_1"] = {**RUN, "seed": 1, "control": True}
    return collect_seeds(partitions(contents), partitions(runs))


def page(figures: pd.DataFrame) -> str:
    runs = partitions({"seed_1": {**RUN, "seed": 1, "control": False}})
    return write_results_page(figures, summarize_seeds(figures), runs, PARAMETERS)


def line_of(text: str, start: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(f"| {start}"))


def test_every_row_keeps_its_seed() -> None:
    figures = collected(table(), table(0.02), control=table())
    assert len(figures) == 3 * len(table())
    assert set(zip(figures["seed"], figures["control"], strict=True)) == {
        (1, False),
        (2, False),
        (1, True),
    }


@pytest.mark.parametrize("missing", ["tables", "runs", "both"])
def test_records_that_do_not_belong_together_are_refused(missing: str) -> None:
    tables = {} if missing in ("tables", "both") else partitions({"seed_1": table()})
    runs = {} if missing in ("runs", "both") else partitions({"seed_1": RUN})
    named = "" if missing == "both" else "seed_1"
    with pytest.raises(ValueError, match=f"{named}.*python -m benchmarks.seeds"):
        collect_seeds(tables, runs)


def test_means_and_their_t_interval() -> None:
    summary = summarize_seeds(collected(table(), table(0.04), table(-0.01)))
    row = summary[
        (summary["round"] == 2) & (summary["policy"] == "merged") & (summary["metric"] == "srcc")
    ].iloc[0]
    values = np.array([0.6, 0.64, 0.59])
    interval = stats.t.interval(0.95, 2, values.mean(), stats.sem(values))
    assert row["value"] == pytest.approx(values.mean())
    assert (row["low"], row["high"]) == pytest.approx(interval)
    assert (row["smallest"], row["largest"], row["n"]) == (0.59, 0.64, 3)


def test_a_single_seed_keeps_its_own_interval() -> None:
    row = summarize_seeds(collected(table())).iloc[0]
    assert (row["value"], row["low"], row["high"]) == pytest.approx((0.2, 0.15, 0.25))


def test_the_control_is_not_mixed_with_the_seeds() -> None:
    summary = summarize_seeds(collected(table(), control=table(-0.3)))
    final = summary[(summary["round"] == 2) & (summary["metric"] == "srcc")]
    assert final.set_index("control")["value"].to_dict() == pytest.approx({False: 0.6, True: 0.3})


def test_the_page_says_what_was_reached() -> None:
    none = [np.nan, 0.0, 0.0, 0.0, 0.01]
    text = page(collected(table(), table(0.02), control=table(changed={"srcc_gain": none})))
    checks = text.split("## Every round")[0]
    verdicts = [line for line in checks.splitlines() if line.startswith("| ")][2:]
    assert len(verdicts) == 7 and all(line.endswith("| yes |") for line in verdicts)
    assert "0.400, 0.420" in line_of(text, "SRCC exceeds the base's by ≥ 0.3")
    assert "[-0.040, 0.060]" in line_of(text, "shuffled labels")


@pytest.mark.parametrize(
    ("changed", "start"),
    [
        ({"srcc_gain": [np.nan, 0.3, 0.05, 0.25, 0.29]}, "SRCC exceeds"),
        ({"format_valid": [1.0, 1.0, 1.0, 1.0, 0.97]}, "answers in the valid format"),
        ({"consistency": [0.8, 0.7, 0.95, 0.9, 0.79]}, "consistency above"),
        ({"faithfulness": [0.73, 0.7, 0.7, 0.7, 0.67]}, "faithfulness at most"),
        ({"srcc_gain": [np.nan, -0.1, 0.05, 0.25, 0.4]}, "round 1, scoring only: SRCC"),
        ({"consistency": [0.8, 0.92, 0.95, 0.9, 0.93]}, "round 1, scoring only: consistency"),
    ],
)
def test_the_page_says_what_was_missed(changed: dict[str, list[float]], start: str) -> None:
    text = page(collected(table(), table(changed=changed)))
    assert "**1 of 2**" in line_of(text, start)


def test_a_control_that_gains_is_not_passed_over() -> None:
    text = page(collected(table(), control=table()))
    assert "**0 of 1**" in line_of(text, "shuffled labels")
    assert "## Control: shuffled labels" in text
    assert "## Control" not in page(collected(table()))


def test_the_page_shows_rounds_in_order_and_where_it_ran() -> None:
    text = page(collected(table(), table(0.02)))
    means = text.split("## Every round")[1].split("**SRCC**")[0].splitlines()
    policies = [line.split("|")[2].strip() for line in means if line.startswith("| ")][2:]
    assert policies == ["base model", "scoring only", "consistency only", "**merged**"] + [
        "**merged**"
    ]
    assert "| `kedro run --pipelines=iteration --params=seed=1` | 5.0 min | 2 |" in text
    assert "a processor, 2 cores, Python 3.11.9; torch 2.13.0." in text


def test_what_was_not_measured_is_left_out() -> None:
    figures = collected(table())
    text = page(figures[figures["metric"] != "faithfulness"])
    assert "| faithfulness" not in text


def test_the_figure_shows_the_asked_panels() -> None:
    summary = summarize_seeds(collected(table(), table(0.02), control=table(-0.3)))
    assert len(draw_results_figure(summary, PARAMETERS).axes) == 2


def test_the_pipeline_ends_in_the_page_and_the_figure() -> None:
    pipeline = create_pipeline()
    assert pipeline.outputs() == {"results_page", "results_figure"}
    assert pipeline.inputs() == {"seed_tables", "seed_runs", "params:results"}
