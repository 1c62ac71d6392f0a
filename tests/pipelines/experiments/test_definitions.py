"""The experiments that conf/base defines fit the pipelines and the parameters they vary."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import OmegaConf

from selfscore.pipeline_registry import register_pipelines
from selfscore.pipelines.experiments.comparison import EXPECTATIONS, Place, variants_of
from selfscore.pipelines.iteration import rounds

BASE = Path(__file__).parents[3] / "conf/base"
EXPERIMENTS: dict[str, Any] = yaml.safe_load((BASE / "experiments/parameters.yml").read_text())[
    "experiments"
]
PAGES = EXPERIMENTS["pages"]


@pytest.fixture(scope="module")
def parameters() -> dict[str, Any]:
    files = [yaml.safe_load(file.read_text()) for file in BASE.rglob("parameters*.yml")]
    merged = OmegaConf.to_container(OmegaConf.merge(*files))
    assert isinstance(merged, dict)
    return {str(key): value for key, value in merged.items()}


def places(page: str) -> Iterator[Place]:
    for table in PAGES[page]["tables"]:
        yield from map(Place.parse, table["rows"].values())
    for claim in PAGES[page]["claims"]:
        yield from (
            Place.parse(claim[side]) for side in ("of", "over") if claim[side] not in (0, 0.5, 0.95)
        )


def varied(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    over = EXPERIMENTS["variants"][name]["parameters"]
    merged = OmegaConf.to_container(OmegaConf.merge(parameters, over))
    assert isinstance(merged, dict)
    return {str(key): value for key, value in merged.items()}


def test_there_are_the_seven() -> None:
    assert list(PAGES) == [
        "sanity",
        "single_iteration",
        "merging",
        "exclusion_radius",
        "judge_bias",
        "iterations",
        "grounding",
    ]
    assert len(EXPERIMENTS["seeds"]) >= 3


def test_every_variant_is_used_and_defined() -> None:
    used = {variant for page in PAGES.values() for variant in variants_of(page)}
    assert used == set(EXPERIMENTS["variants"])


@pytest.mark.parametrize("name", EXPERIMENTS["variants"])
def test_a_variant_changes_parameters_that_exist(name: str, parameters: dict[str, Any]) -> None:
    def check(over: dict[str, Any], known: dict[str, Any], where: str) -> None:
        for key, value in over.items():
            assert key in known, f"{where}{key}"
            if isinstance(value, dict):
                check(value, known[key], f"{where}{key}.")

    # What differs in single rounds is checked where it is filled in.
    expanded = rounds.expand(varied(name, parameters))
    over = EXPERIMENTS["variants"][name]["parameters"]
    check(over.get("baseline", {}), parameters, "baseline.")
    everywhere = {key for key in over if key != "baseline" and not key.startswith("iteration_")}
    check({key: over[key] for key in everywhere}, parameters, "")
    layout = rounds.layout(expanded)
    assert set(layout.experts) <= set(parameters["merging"]["weights"])
    registered = set(register_pipelines())
    assert set(EXPERIMENTS["variants"][name]["pipelines"]) <= registered


@pytest.mark.parametrize("page", PAGES)
def test_a_page_compares_policies_that_its_runs_have(page: str, parameters: dict[str, Any]) -> None:
    for place in places(page):
        layout = rounds.layout(varied(place.variant, parameters))
        assert place.round <= layout.rounds, place
        known = {"base", "incoming"} if place.round == 0 else {"merged", *layout.experts}
        assert place.policy in known, place
        pipelines = EXPERIMENTS["variants"][place.variant]["pipelines"]
        assert place.round == 0 or "iteration" in pipelines, place


def test_claims_say_what_is_expected() -> None:
    for page in PAGES.values():
        assert page["title"] and page["question"]
        for claim in page["claims"]:
            assert claim["says"] and claim.get("expected") in (None, *EXPECTATIONS)
            assert set(claim) <= {"says", "of", "over", "expected", "paper", "because"}
            # What is the paper's, is claimed.
            assert not claim.get("paper") or claim["expected"]
