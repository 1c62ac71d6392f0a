"""The catalog's promises: every entry is used, and names, versions and contracts are as they say.

What holds in every environment is in test_environments.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kedro.framework.context import KedroContext
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.io import AbstractVersionedDataset, DataCatalog
from kedro.pipeline import Pipeline
from kedro_viz.data_access.managers import DataAccessManager
from kedro_viz.models.flowchart.nodes import ParametersNode

from selfscore.configuration.layout import LEVEL, namespace, policy_name
from selfscore.preference_data.builders import PAIR_BUILDERS

ROUNDS = 3
# What no node reads or writes.
WRITTEN_BY_A_HOOK = "manifest"
# What the baseline and every round hand to the report, and what only a round does.
MEASURED, LEARNT = ("figures", "judgements"), ("merge_report", "pair_gallery")
# Every expert there is, so that every entry of the catalog is used.
EXPERTS = sorted([*PAIR_BUILDERS, LEVEL])


@pytest.fixture(scope="module")
def context(
    project: Path,
    copy_conf: Callable[[Path], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[KedroContext]:
    conf = copy_conf(tmp_path_factory.mktemp("catalog"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        bootstrap_project(project)
        with KedroSession.create(
            conf_source=str(conf), runtime_params={"rounds": ROUNDS, "experts": EXPERTS}
        ) as session:
            yield session.load_context()
    bootstrap_project(project)


@pytest.fixture(scope="module")
def registered(context: KedroContext) -> dict[str, Pipeline]:
    return dict(pipelines)


@pytest.fixture(scope="module")
def catalog(context: KedroContext) -> DataCatalog:
    found = context.catalog
    assert isinstance(found, DataCatalog)
    return found


def names(registered: dict[str, Pipeline]) -> set[str]:
    everything = set().union(*(pipeline.datasets() for pipeline in registered.values()))
    return {name for name in everything if not name.startswith(("params:", "parameters"))}


def entries(project: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for file in (project / "conf" / "base").rglob("catalog*.yml"):
        found.update(yaml.safe_load(file.read_text()) or {})
    return {name: entry for name, entry in found.items() if not name.startswith("_")}


def test_there_are_pipelines_with_rounds(registered: dict[str, Pipeline]) -> None:
    assert {"__default__", "iteration", "ingestion", "baseline", "reporting"} <= set(registered)
    assert {f"policy_{number}" for number in range(ROUNDS + 1)} <= names(registered)


def test_every_entry_is_used(
    project: Path, registered: dict[str, Pipeline], catalog: DataCatalog
) -> None:
    resolver, own = catalog.config_resolver, set(entries(project))
    used = {
        name if name in own else resolver.match_dataset_pattern(name) for name in names(registered)
    }
    assert own - used == {WRITTEN_BY_A_HOOK}


def test_no_name_fits_two_patterns_equally(project: Path, registered: dict[str, Pipeline]) -> None:
    """Kedro takes the pattern with the most fixed characters, and silently, whichever it is."""
    patterns = [name for name in entries(project) if "{" in name]
    for name in names(registered) - set(entries(project)):
        fitting = [
            len(re.sub(r"\{.*?\}", "", pattern))
            for pattern in patterns
            if re.fullmatch(re.sub(r"\\\{.*?\\\}", ".+", re.escape(pattern)), name)
        ]
        assert fitting, name
        assert fitting.count(max(fitting)) == 1, name


def test_names_are_nouns_in_snake_case(registered: dict[str, Pipeline]) -> None:
    for name in names(registered):
        assert re.fullmatch(r"([a-z0-9_]+\.)?[a-z][a-z0-9_]*", name), name


def test_what_may_be_asked_for_again_is_versioned(catalog: DataCatalog) -> None:
    for name in (
        "policy_0",
        "policy_1",
        *(
            f"iteration_1.{artifact}"
            for artifact in (
                "scoring_pairs",
                "consistency_pairs",
                "scoring_adapter",
                "merged_adapter",
                "merged_energy",
                "merged_predictions",
                "judgements",
                "readings",
                "merged_edited_answers",
                "mentions",
                "truth_readings",
                "figures",
                "learning",
                "pair_gallery",
                "merge_report",
                "preference_report",
            )
        ),
    ):
        dataset = catalog.get(name)
        assert isinstance(dataset, AbstractVersionedDataset)
        assert dataset._version is not None, name


def test_tables_that_cross_a_border_have_contracts(
    registered: dict[str, Pipeline], catalog: DataCatalog
) -> None:
    for name in names(registered):
        catalog.get(name)
    checked = set(catalog.validator_specs)
    kinds = (
        r"_pairs$|\.level_examples$|_predictions$|^scored_|\.(readings|figures)$"
        r"|^figures_over_rounds$|^data_check$"
    )
    expected = {name for name in names(registered) if re.search(kinds, name)}
    predictions = 1 + (len(EXPERTS) + 1) * ROUNDS
    assert len(expected) == 3 + len(EXPERTS) * ROUNDS + predictions + 2 * (ROUNDS + 1)
    assert checked == expected


def test_the_first_view_has_the_groups_and_what_goes_between_them(
    registered: dict[str, Pipeline], catalog: DataCatalog
) -> None:
    """What kedro-viz draws before anything is unfolded, few enough to be read at once."""
    drawn = DataAccessManager()
    drawn.add_catalog(catalog, registered)
    drawn.add_pipelines(registered)
    tree = drawn.create_modular_pipelines_tree_for_registered_pipeline("__default__")
    shown = [drawn.nodes.get_node_by_id(child.id) for child in tree["__root__"].children]
    numbers = range(1, ROUNDS + 1)
    groups = {"ingestion", "baseline", *map(namespace, numbers), "reporting"}
    inputs = {"raw_images", "raw_scores", "severities", "statement_lexicon", "hosted_verdicts"}
    inputs |= {"run_facts", "simulated_scores"}
    kept = ("image_features", "edit_features", "second_opinions", "consistency_judge")
    once = {f"baseline.{name}" for name in (*kept, "reader_calibration", "generations")}
    measured = {f"{namespace(n)}.{name}" for n in (0, *numbers) for name in MEASURED}
    learnt = {
        f"{namespace(n)}.{name}" for n in numbers for name in ("merge_report", "pair_gallery")
    }
    # The last one is read in its own round alone.
    policies = {policy_name(number) for number in range(ROUNDS)}
    assert {node.name for node in shown if not isinstance(node, ParametersNode)} == {
        *(groups | inputs | once | measured | learnt | policies),
        *("scored_images", "score_scale", "attributes", "data_check", "report", "charts"),
    }
    assert not any(getattr(node, "layer", None) for node in shown)


def test_only_evaluation_reads_what_is_true_of_images(registered: dict[str, Pipeline]) -> None:
    readers = {
        node.name.rsplit(".", 1)[-1]
        for node in registered["iteration"].nodes
        if {"severities", "attributes", "statement_lexicon"} & set(node.inputs)
    }
    assert readers == {"match_attributes", "judge_explanations"}
