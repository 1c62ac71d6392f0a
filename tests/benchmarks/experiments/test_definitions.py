"""The experiments that are defined fit the pipelines and the parameters they vary."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from omegaconf import OmegaConf

from benchmarks.experiments.afterwards import AFTERWARDS
from benchmarks.experiments.claims import EXPECTATIONS
from benchmarks.experiments.competitors.floors import FloorSettings
from benchmarks.experiments.competitors.grpo import GRPOSettings
from benchmarks.experiments.competitors.levels_alone import LevelsAloneSettings
from benchmarks.experiments.definitions import Definitions, FigureRef, figures_of, variants_of
from benchmarks.experiments.merge_fronts import FrontSettings
from benchmarks.experiments.pages import write_pages
from benchmarks.experiments.records import Records
from selfscore.configuration.layout import Layout, expand, merged
from selfscore.level_training.settings import LevelSettings
from selfscore.parameters import check as check_parameters
from selfscore.pipeline_registry import register_pipelines

BASE = Path(__file__).parents[3] / "conf/base"
EXPERIMENTS = Definitions.load()
PAGES = EXPERIMENTS.pages


@pytest.fixture(scope="module")
def parameters() -> dict[str, Any]:
    files = [yaml.safe_load(file.read_text()) for file in BASE.rglob("parameters*.yml")]
    merged = OmegaConf.to_container(OmegaConf.merge(*files))
    assert isinstance(merged, dict)
    return {str(key): value for key, value in merged.items()}


def varied(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    over = EXPERIMENTS.variants[name].get("parameters", {})
    merged = OmegaConf.to_container(OmegaConf.merge(parameters, over))
    assert isinstance(merged, dict)
    return {str(key): value for key, value in merged.items()}


def test_there_are_the_results_and_the_others() -> None:
    assert list(PAGES) == [
        "results",
        "head_to_head",
        "sanity",
        "single_iteration",
        "merging",
        "fronts",
        "exclusion_radius",
        "judge_bias",
        "iterations",
        "six_rounds",
        "settings",
        "grounding",
        "level",
        "tomatoes",
        "tomatoes_drawn",
    ]
    assert len(EXPERIMENTS.seeds) >= 3


def test_every_variant_is_used_and_defined() -> None:
    used = {variant for page in PAGES.values() for variant in variants_of(page)}
    assert used == set(EXPERIMENTS.variants)


@pytest.mark.parametrize("name", EXPERIMENTS.variants)
def test_a_variant_changes_parameters_that_exist(name: str, parameters: dict[str, Any]) -> None:
    def check(over: dict[str, Any], known: dict[str, Any], where: str) -> None:
        for key, value in over.items():
            assert key in known, f"{where}{key}"
            if isinstance(value, dict):
                check(value, known[key], f"{where}{key}.")

    whole = varied(name, parameters)
    check_parameters(whole)
    over = EXPERIMENTS.variants[name].get("parameters", {})
    check(over.get("baseline", {}), parameters, "baseline.")
    everywhere = {key for key in over if key != "baseline" and not key.startswith("iteration_")}
    check({key: over[key] for key in everywhere}, parameters, "")
    layout = Layout.of(whole)
    assert set(layout.experts) <= set(parameters["merging"]["weights"])
    assert set(EXPERIMENTS.variants[name].get("then", {})) <= set(AFTERWARDS)
    known = {"pipelines": set(register_pipelines()), "environments": set(os.listdir(BASE.parent))}
    for key, names in known.items():
        assert set(EXPERIMENTS.variants[name].get(key, [])) <= names


@pytest.mark.parametrize("page", PAGES)
def test_a_page_compares_policies_that_its_runs_have(page: str, parameters: dict[str, Any]) -> None:
    for place in figures_of(PAGES[page]):
        layout = Layout.of(varied(place.variant, parameters))
        assert place.round <= layout.rounds, place
        if "then" in EXPERIMENTS.variants[place.variant]:
            continue
        known = {"base", "incoming"} if place.round == 0 else {"merged", *layout.experts}
        assert place.policy in known, place
        pipelines = EXPERIMENTS.variants[place.variant].get("pipelines", ["iteration"])
        assert place.round == 0 or "iteration" in pipelines, place


def test_the_settings_of_what_comes_then_are_those_it_takes(parameters: dict[str, Any]) -> None:
    settings = {
        "floors": FloorSettings,
        "grpo": GRPOSettings,
        "levels_alone": LevelsAloneSettings,
        "merge_fronts": FrontSettings,
    }
    for variant in EXPERIMENTS.variants.values():
        for name, given in variant.get("then", {}).items():
            made = settings[name](**given)
            if isinstance(made, LevelsAloneSettings):
                LevelSettings(**merged(parameters["level_training"], made.training))


def test_the_default_before_is_spelled_out(parameters: dict[str, Any]) -> None:
    whole = expand(varied("three_experts", parameters))
    training = whole["iteration_2"]["dpo_training"]
    assert list(training) == ["scoring", "consistency", "grounding_contrast"]
    assert [training[name]["rpo_alpha"] for name in training] == [8.0, 16.0, 16.0]
    assert [training[name]["epochs"] for name in training] == [2, 1, 1]
    assert whole["iteration_2"]["merging"]["lambda"] == 1.0
    # It stands on nothing of its stages that conf/base may change.
    own = EXPERIMENTS.variants["three_experts"]["parameters"]
    free = {"accumulation_steps", "gradient_checkpointing", "checkpoint_steps", "experts"}
    assert set(parameters["dpo_training"]) - free <= set(own["dpo_training"])


def test_every_page_can_be_written_from_its_figures() -> None:
    wanted = {
        (place, place.metric.format(column))
        for page in PAGES.values()
        for table in page["tables"]
        for place in map(FigureRef.parse, table["rows"].values())
        for column in table["columns"]
    }
    wanted |= {(place, place.metric) for page in PAGES.values() for place in figures_of(page)}
    arms = PAGES["head_to_head"]["compared"]["arms"].values()
    wanted |= {(FigureRef.parse(arm["figure"]), "srcc") for arm in arms}
    random = np.random.default_rng(0)
    rows = [
        {
            "round": place.round,
            "policy": place.policy,
            "split": split,
            "metric": metric,
            "variant": place.variant,
        }
        for place, metric in wanted
        for split in ("test", "locked")
        if "{}" not in metric
    ]
    rows += [
        {"round": 1, "policy": f"{method}@{strength}", "split": split}
        | {"metric": metric, "variant": variant}
        for variant in PAGES["fronts"]["fronts"].values()
        for method in ("ties", "linear")
        for strength in (1.0, 2.5)
        for split, metric in (("test", "srcc"), ("test", "consistency"), ("validation", "chosen"))
    ]
    figures = pd.concat([pd.DataFrame(rows).assign(seed=seed) for seed in EXPERIMENTS.seeds])
    figures = figures.drop_duplicates(["variant", "seed", "round", "policy", "split", "metric"])
    figures = figures.assign(value=random.random(len(figures)), low=0.0, high=1.0)
    texts = pd.DataFrame({"image_id": ["a"], "side": ["chosen"], "level": [1], "explanation": [""]})
    run = {"command": "", "seconds": 1, "threads": 1, "cores": 1, "processor": "", "python": ""}
    run |= {"finished": "", "commit": "", "versions": {}}
    runs = {
        f"{variant}_{seed}": run | {"variant": variant, "seed": seed}
        for variant in EXPERIMENTS.variants
        for seed in EXPERIMENTS.seeds
    }
    records = Records(figures, pd.DataFrame(), runs, dict.fromkeys(runs, texts))
    others = {page["data"]: records for page in PAGES.values() if "data" in page}
    pages = write_pages(records, EXPERIMENTS, others)
    files = {name: page.get("file", f"experiments/{name}.md") for name, page in PAGES.items()}
    pictures = {"figures/results.png", "figures/fronts_consistency.png"}
    assert set(pages) == {*files.values(), *pictures, "experiments/README.md"}
    for name, page in PAGES.items():
        assert all(f"| {claim['says']} |" in str(pages[files[name]]) for claim in page["claims"])


def test_claims_say_what_is_expected() -> None:
    for page in PAGES.values():
        assert page["title"] and page["question"]
        for claim in page["claims"]:
            assert claim["says"] and claim.get("expected") in (None, *EXPECTATIONS)
            assert set(claim) <= {"says", "of", "over", "expected", "bound", "paper", "because"}
            # What is the paper's, is claimed.
            assert not claim.get("paper") or claim["expected"]
