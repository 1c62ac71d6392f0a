"""Parameter files for a GPU: they name only parameters that exist, with values that are taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from kedro.framework.context import KedroContext
from kedro.framework.project import settings
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from selfscore.configuration.layout import of_pairs
from selfscore.pipelines.data_generation.settings import DataGenerationSettings
from selfscore.pipelines.evaluation.settings import EvaluationSettings
from selfscore.vlm.options import Machine

CONF = Path(__file__).parents[1] / "conf"
ENVIRONMENTS = [
    str(file.parent.relative_to(CONF))
    for file in sorted([CONF / "gpu/parameters.yml", *CONF.glob("recipes/*/parameters.yml")])
]


def read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return found


def known() -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for file in (CONF / "base").rglob("parameters*.yml"):
        merged |= read(file)
    return merged


def unknown(given: Mapping[str, Any], base: Mapping[str, Any], path: str = "") -> Iterator[str]:
    for name, value in given.items():
        # A processor's options are the processor's.
        if path == "model." and name == "processor":
            continue
        if name not in base:
            yield path + name
        elif isinstance(value, Mapping):
            yield from unknown(value, base[name], f"{path}{name}.")


@pytest.fixture(params=ENVIRONMENTS)
def context(
    request: pytest.FixtureRequest, project: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[KedroContext]:
    monkeypatch.chdir(project)
    bootstrap_project(project)
    with KedroSession.create(env=request.param) as session:
        yield session.load_context()


def test_there_is_a_recipe_for_each_model() -> None:
    assert len(ENVIRONMENTS) == 7
    ids = [read(CONF / name / "parameters.yml")["model"]["id"] for name in ENVIRONMENTS[1:]]
    assert len(set(ids)) == 6 and all(name.count("/") == 1 for name in ids)


def test_recipes_learn_alike() -> None:
    """How fast and from what is said six times; only what depends on the size may differ."""
    sizes = {"accumulation_steps"}
    learnt = [
        {
            section: {name: value for name, value in given[section].items() if name not in sizes}
            for section in ("dpo_training", "level_training")
        }
        for given in (read(CONF / name / "parameters.yml") for name in ENVIRONMENTS[1:])
    ]
    assert all(recipe == learnt[0] for recipe in learnt)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_only_parameters_that_exist_are_set(name: str) -> None:
    assert not list(unknown(read(CONF / name / "parameters.yml"), known()))


def test_kedro_reads_it_over_the_base_and_the_values_are_taken(context: KedroContext) -> None:
    assert settings.CONF_SOURCE == "conf"
    parameters = context.params
    assert isinstance(parameters["machine"], Machine)
    round_ = parameters["iteration_1"]
    # Round 1 learns from the texts of the baseline.
    assert isinstance(parameters["baseline"]["data_generation"], DataGenerationSettings)
    assert isinstance(round_["evaluation"], EvaluationSettings)
    trainings = [round_["dpo_training"][name] for name in of_pairs(parameters["experts"])]
    for chosen in (*trainings, round_["level_training"]):
        assert chosen.gradient_checkpointing
        assert chosen.batch_size == 16
    # What the recipe says nothing of is the base's.
    assert parameters["seed"] == known()["seed"]
