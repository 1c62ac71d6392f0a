"""One real run of the tiny configuration, what goes on from it, and what is kept of both."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks.experiments.afterwards import AFTERWARDS
from benchmarks.experiments.definitions import Definitions, of_split
from benchmarks.experiments.finished_run import FinishedRun
from benchmarks.experiments.fronts import merge_fronts_part
from benchmarks.experiments.records import Records, keep_record, read_records
from benchmarks.runs import Run, Setting, run_one

pytestmark = pytest.mark.slow

DEFINITIONS = Definitions([1], "test", 1, {}, {}, {})
FRONTS = {"methods": ["ties", "linear"], "strengths": [1.0, 2.0]}
STEP = {"lr": 1e-3, "epochs": 1.0, "warmup_ratio": 0.1, "max_grad_norm": 1.0}
COMPETITORS: Mapping[str, Mapping[str, Any]] = {
    "floors": {"labels": 6, "shuffles": 3},
    "levels_alone": {"target": "hard", "training": {"epochs": 1, "text_weight": 0.0}},
    "grpo": STEP
    | {"images": 4, "answers": 2, "beta": 0.04, "temperature": 1.0, "max_new_tokens": 24},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with `work` and `records` of one run, whose experts were merged anew."""
    folder = tmp_path_factory.mktemp("experiments")
    run = Run(
        "one_seed_1",
        1,
        "python -m benchmarks.experiments",
        environments=("test",),
        parameters={
            "rounds": 1,
            "experts": ["scoring"],
            "merging": {"method": "ties", "lambda": 1.0},
            "ingestion": {"max_images_per_split": 12},
            "evaluation": {"n_resamples": 10},
            "reporting": {"n_resamples": 10},
        },
        then=("benchmarks.experiments.afterwards", "merge_fronts", json.dumps(FRONTS)),
        about={"variant": "one", "locked": False},
    )
    keep = partial(keep_record, folder=folder / "records", definitions=DEFINITIONS)
    setting = Setting(folder / "work", folder / "records", keep, threads=1)
    assert run_one(run, setting), (folder / "work/one_seed_1/log.txt").read_text()[-3000:]
    return folder


@pytest.fixture(scope="module")
def records(made: Path) -> Records:
    return read_records(made / "records")


def test_figures_of_every_evaluated_split_are_kept(records: Records) -> None:
    merged = records.figures[records.figures["policy"] == "merged"].set_index(["round", "split"])
    assert {"srcc", "consistency", "faithfulness", "format_valid"} <= set(
        merged.loc[(1, "test"), "metric"]
    ) & set(merged.loc[(1, "validation"), "metric"])
    assert set(merged.loc[(1, "train"), "metric"]) == {
        "seconds",
        "lambda.merging",
        "energy_kept.merging",
    }
    named = records.figures.duplicated(["round", "policy", "split", "metric"])
    assert not named.any()


def test_answers_of_what_was_handed_on_are_kept_image_by_image(records: Records) -> None:
    answers = records.answers
    assert set(zip(answers["round"], answers["policy"], strict=True)) == {
        (0, "base"),
        (1, "merged"),
    }
    assert set(answers["split"]) == {"validation", "test"}
    assert not answers.duplicated(["policy", "image_id"]).any()
    assert answers["group"].nunique() > 1 and answers["expected"].notna().all()


def test_every_method_is_measured_at_every_strength(records: Records) -> None:
    own = records.figures[records.figures["policy"].str.contains("@")]
    policies = {f"{method}@{strength}" for method in FRONTS["methods"] for strength in (1, 2)}
    assert set(own["policy"]) == policies
    chosen = own[own["metric"] == "chosen"].set_index("policy")["value"]
    for method in FRONTS["methods"]:
        assert chosen[[f"{method}@1", f"{method}@2"]].sum() == 1
    parts, pictures = merge_fronts_part({"One": "one"}, records.figures, "test", DEFINITIONS)
    assert "figures/fronts_consistency.png" in pictures
    assert "| `linear` |" in "\n".join(parts)


def test_a_merge_at_the_runs_own_strength_is_the_runs_own_policy(records: Records) -> None:
    shown = of_split(records.figures, "test")
    by_name = shown[shown["round"] == 1].set_index(["policy", "metric"])["value"]
    for metric in ("srcc", "consistency", "format_valid"):
        assert by_name["ties@1", metric] == pytest.approx(by_name["merged", metric], abs=1e-3)


@pytest.mark.parametrize("name", COMPETITORS)
def test_a_competitor_is_measured_as_a_rounds_policy_is(made: Path, name: str) -> None:
    run = FinishedRun.open(made / "work/one_seed_1/conf")
    figures, judgements = AFTERWARDS[name](run, dict(COMPETITORS[name]))
    measured = figures[figures["of"] == ""].groupby("policy")["metric"].agg(set)
    floors = {"isotonic_few", "isotonic", "ridge", "kernel_ridge"}
    expected = floors if name == "floors" else {"merged"}
    assert expected <= set(measured.index)
    own = {"srcc", "seconds"} if name == "floors" else {"srcc", "consistency", "seconds"}
    for policy in expected:
        assert own <= measured[policy]
        rows = judgements[judgements["policy"] == policy]
        assert set(rows["split"]) == {"validation", "test"} and rows["expected_score"].notna().all()
    whole = run.load("iteration_1.figures")
    there = set(pd.unique(whole.loc[(whole["policy"] == "merged") & (whole["of"] == ""), "metric"]))
    assert name == "floors" or there <= measured["merged"]
