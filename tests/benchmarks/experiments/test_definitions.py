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

from benchmarks.experiments.claims import EXPECTATIONS
from benchmarks.experiments.definitions import Definitions, FigureRef, figures_of, variants_of
from benchmarks.experiments.pages import write_pages
from benchmarks.experiments.records import Records
from selfscore.layout import Layout
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


def test_there_are_the_results_and_the_eight() -> None:
    assert list(PAGES) == [
        "results",
        "sanity",
        "single_iteration",
        "merging",
        "exclusion_radius",
        "judge_bias",
        "iterations",
        "grounding",
        "level",
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
    known = {"pipelines": set(register_pipelines()), "environments": set(os.listdir(BASE.parent))}
    for key, names in known.items():
        assert set(EXPERIMENTS.variants[name].get(key, [])) <= names


@pytest.mark.parametrize("page", PAGES)
def test_a_page_compares_policies_that_its_runs_have(page: str, parameters: dict[str, Any]) -> None:
    for place in figures_of(PAGES[page]):
        layout = Layout.of(varied(place.variant, parameters))
        assert place.round <= layout.rounds, place
        known = {"base", "incoming"} if place.round == 0 else {"merged", *layout.experts}
        assert place.policy in known, place
        pipelines = EXPERIMENTS.variants[place.variant].get("pipelines", ["iteration"])
        assert place.round == 0 or "iteration" in pipelines, place


def test_every_page_can_be_written_from_its_figures() -> None:
    wanted = {
        (place, place.metric.format(column))
        for page in PAGES.values()
        for table in page["tables"]
        for place in map(FigureRef.parse, table["rows"].values())
        for column in table["columns"]
    }
    wanted |= {(place, place.metric) for page in PAGES.values() for place in figures_of(page)}
    random = np.random.default_rng(0)
    rows = [
        {"round": place.round, "policy": place.policy, "metric": metric, "variant": place.variant}
        for place, metric in wanted
        if "{}" not in metric
    ]
    figures = pd.concat([pd.DataFrame(rows).assign(seed=seed) for seed in EXPERIMENTS.seeds])
    figures = figures.drop_duplicates(["variant", "seed", "round", "policy", "metric"])
    figures = figures.assign(value=random.random(len(figures)), low=0.0, high=1.0)
    texts = pd.DataFrame({"image_id": ["a"], "side": ["chosen"], "level": [1], "explanation": [""]})
    run = {"command": "", "seconds": 1, "threads": 1, "cores": 1, "processor": "", "python": ""}
    run |= {"finished": "", "commit": "", "versions": {}}
    runs = {
        f"{variant}_{seed}": run | {"variant": variant, "seed": seed}
        for variant in EXPERIMENTS.variants
        for seed in EXPERIMENTS.seeds
    }
    pages = write_pages(Records(figures, runs, dict.fromkeys(runs, texts)), EXPERIMENTS)
    files = {name: page.get("file", f"experiments/{name}.md") for name, page in PAGES.items()}
    assert set(pages) == {*files.values(), "experiments/README.md", "figures/results.png"}
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
