"""What the catalog promises in every environment: all is declared, and nothing shares a file."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.io import AbstractDataset, DataCatalog
from kedro.pipeline import Pipeline

from selfscore.configuration.layout import LEVEL
from selfscore.preference_data.builders import PAIR_BUILDERS
from selfscore.provenance.project import open_project

CONF = Path(__file__).parents[1] / "conf"
# `local` is empty here, so it stands for `base` alone.
ENVIRONMENTS = sorted(
    str(folder.relative_to(CONF))
    for folder in [*CONF.iterdir(), *CONF.glob("recipes/*")]
    if folder.is_dir() and folder.name not in ("base", "recipes")
)
# One of Kedro's, as a folder.
LAYER = r"\d\d_(raw|intermediate|primary|feature|model_input|models|model_output|reporting)"


@dataclass(frozen=True)
class Environment:
    """What Kedro makes of one environment, for two rounds with every expert that there is."""

    catalog: DataCatalog
    pipelines: Mapping[str, Pipeline]

    @property
    def names(self) -> list[str]:
        found = set().union(*(pipeline.datasets() for pipeline in self.pipelines.values()))
        return sorted(name for name in found if not name.startswith(("params:", "parameters")))

    def dataset(self, name: str) -> AbstractDataset:
        found = self.catalog.get(name)
        assert found is not None, name
        return found


@pytest.fixture(scope="module", params=ENVIRONMENTS)
def environment(
    request: pytest.FixtureRequest,
    project: Path,
    copy_conf: Callable[[Path], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Environment]:
    place = tmp_path_factory.mktemp("environment")
    conf = copy_conf(place)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        # What the environment of a team asks for.
        patch.setenv("SELFSCORE_STORE", f"{place}/store")
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{place}/team.db")
        bootstrap_project(project)
        with KedroSession.create(
            env=request.param,
            conf_source=str(conf),
            runtime_params={"rounds": 2, "experts": sorted([*PAIR_BUILDERS, LEVEL])},
        ) as session:
            catalog = session.load_context().catalog
            assert isinstance(catalog, DataCatalog)
            yield Environment(catalog, dict(pipelines))
    bootstrap_project(project)


def place(dataset: AbstractDataset) -> str:
    """Where a dataset is stored, without its version."""
    described = dataset._describe()
    return str(described.get("filepath") or described.get("path"))


def test_every_dataset_is_declared(environment: Environment) -> None:
    for name in environment.names:
        assert type(environment.dataset(name)).__name__ not in (
            "MemoryDataset",
            "SharedMemoryDataset",
        ), name


def test_every_parameter_exists(environment: Environment) -> None:
    for pipeline in environment.pipelines.values():
        for item in pipeline.inputs():
            if item.startswith("params:"):
                assert environment.catalog.exists(item), item


def test_nothing_shares_a_file(environment: Environment) -> None:
    """But what comes in from outside: another pipeline may have made it, and two may read it."""
    sharing: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name in environment.names:
        dataset = environment.dataset(name)
        suffix = getattr(dataset, "_filename_suffix", "")  # of the files in a folder
        sharing[place(dataset), suffix].append(name)
    for pipeline in environment.pipelines.values():
        for names in sharing.values():
            here = pipeline.datasets().intersection(names)
            assert len(here) < 2 or not pipeline.all_outputs().intersection(names), here
    written = set().union(*(one.all_outputs() for one in environment.pipelines.values()))
    for names in sharing.values():
        assert len(written.intersection(names)) < 2, names


def test_the_file_says_layer_round_and_name(environment: Environment) -> None:
    for name in environment.names:
        namespace, _, short = name.rpartition(".")
        if namespace and short != "checkpoints":
            file = place(environment.dataset(name))
            assert re.search(rf"/{LAYER}/{namespace}/{short}(\.[a-z]+)?$", file), (name, file)


def test_the_papers_recipe_is_two_experts_merged_by_ties(project: Path) -> None:
    bootstrap_project(project)
    parameters = open_project(project, environment="paper").parameters
    assert (parameters["experts"], parameters["rounds"]) == (["scoring", "consistency"], 4)
    for number in range(1, 5):
        merging = parameters[f"iteration_{number}"]["merging"]
        assert (merging["method"], merging["lambda"], merging["density"]) == ("ties", 1.0, 0.5)
        assert {merging["weights"][name] for name in parameters["experts"]} == {1.0}


@pytest.mark.parametrize("name", [name for name in ENVIRONMENTS if name != "local"])
def test_an_environment_changes_only_what_there_is(name: str) -> None:
    """A parameter, global or catalog entry that `base` does not have would be read by nobody."""
    for kind in ("parameters", "globals", "catalog"):
        base: dict[str, Any] = {}
        for file in (CONF / "base").rglob(f"{kind}*.yml"):
            base |= yaml.safe_load(file.read_text(encoding="utf-8"))
        for file in (CONF / name).rglob(f"{kind}*.yml"):
            given = yaml.safe_load(file.read_text(encoding="utf-8"))
            assert not list(unknown(given, base, deep=kind != "catalog")), file


def unknown(given: Mapping[str, Any], base: Mapping[str, Any], *, deep: bool) -> Iterator[str]:
    for key, value in given.items():
        if key not in base:
            yield key
        elif deep and isinstance(value, Mapping) and base[key]:
            yield from (f"{key}.{name}" for name in unknown(value, base[key], deep=True))
