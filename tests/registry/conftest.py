"""A round on a tiny random model, with the real hooks and a real registry in a file."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
import tiny_vlm
from cards import SCALE, policy_over
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner
from random_adapter import random_adapter

from selfscore.provenance.hook import ProvenanceHooks
from selfscore.registry.hook import RegistryHooks
from selfscore.vlm.policy import Policy

BASE_MODEL = "models/base"
MODEL = "selfscore"


def describe(model: dict[str, Any], scored_images: pd.DataFrame) -> Policy:
    values = [10.0 * level for level in range(10)]
    return policy_over(
        model["id"],
        revision=model["revision"],
        score_scale=replace(SCALE, values=values, unit="points 0-90"),
    )


def merge(policy: Policy, seed: int) -> Policy:
    adapter = random_adapter(policy.base_model, seed)
    card = replace(policy.card, iteration=1, parent=policy.digest, merging={}, energy_kept=1.0)
    return Policy(card, adapter)


def measure(policy: Policy, seed: int) -> pd.DataFrame:
    figure = {"policy": "merged", "group": "all", "of": "", "metric": "srcc"}
    figure |= {"low": 0.1, "high": 0.9}
    splits = {"test": 0.2, "validation": 0.5 + seed / 100}
    return pd.DataFrame(
        [{**figure, "split": name, "value": value} for name, value in splits.items()]
    )


def choose(policy: Policy, metrics: pd.DataFrame) -> dict[str, Any]:
    return {"policy": "policy_1", "digest": policy.digest}


def pipeline() -> Pipeline:
    namespace = "iteration_1"
    return Pipeline(
        [
            Node(describe, ["params:model", "scored_images"], "policy_0", name="describe"),
            Node(merge, ["policy_0", "params:seed"], "policy_1", name="merge", namespace=namespace),
            Node(
                measure,
                ["policy_1", "params:seed"],
                "iteration_1.figures",
                name="measure",
                namespace=namespace,
            ),
            Node(choose, ["policy_1", "iteration_1.figures"], "champion", name="choose_champion"),
        ]
    )


def entries(root: Path) -> dict[str, Any]:
    def entry(kind: str, path: str) -> dict[str, Any]:
        return {
            "type": kind,
            "filepath": f"{root}/data/{path}",
            "versioned": True,
        }

    policy = "selfscore.datasets.policy.PolicyDataset"
    metrics = entry("pandas.ParquetDataset", "08_reporting/figures.parquet")
    return {
        "scored_images": entry("pandas.ParquetDataset", "scored.parquet") | {"versioned": False},
        "policy_{number}": entry(policy, "policy_{number}"),
        "iteration_1.figures": metrics,
        "champion": entry("json.JSONDataset", "champion.json"),
        "manifest": entry("json.JSONDataset", "manifests/manifest.json"),
    }


@dataclass
class Home:
    """A project in a folder of its own, whose runs are numbered and tracked."""

    root: Path
    experiment: str
    runs: int = 0

    @property
    def client(self) -> mlflow.MlflowClient:
        return mlflow.MlflowClient()

    @property
    def last(self) -> str:
        """Id of the last run."""
        return f"2026-01-{self.runs:02d}T00.00.00.000Z"

    def reporting(self) -> Pipeline:
        """The last node alone."""
        return pipeline().only_nodes("choose_champion")

    def run(
        self,
        seed: int = 1,
        model: str | None = MODEL,
        tracked: bool = True,
        only: Pipeline | None = None,
        more: Pipeline | None = None,
    ) -> str:
        """A run that chooses its policy as the champion; its id.

        Args:
            seed: of the policy.
            model: name of the registered model.
            tracked: whether a tracked run is open.
            only: other nodes, in place of all.
            more: nodes that come after the others.
        """
        self.runs += 1
        run_id = self.last
        nodes = (pipeline() if only is None else only) + (more or Pipeline([]))
        parameters = {
            "seed": seed,
            "model": {"id": BASE_MODEL, "revision": None},
            "registry": {"model": model},
        }
        catalog = DataCatalog.from_config(entries(self.root), save_version=run_id)
        catalog["parameters"] = parameters
        for name, value in parameters.items():
            catalog[f"params:{name}"] = value
        manager = _create_hook_manager()
        # The last is called first, as in the settings.
        for hooks in (RegistryHooks(), ProvenanceHooks()):
            manager.register(hooks)
        asked = {"run_id": run_id, "project_path": str(self.root), "env": None}
        call = {"run_params": asked, "pipeline": nodes, "catalog": catalog}
        if tracked:
            mlflow.start_run(experiment_id=self.experiment)
        try:
            manager.hook.before_pipeline_run(**call)
            try:
                SequentialRunner().run(nodes, catalog, manager, run_id)
            except Exception as error:
                manager.hook.on_pipeline_error(error=error, **call)
                raise
            manager.hook.after_pipeline_run(run_result={}, **call)
        finally:
            mlflow.end_run()
        return run_id


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store without runs; making one takes seconds."""
    file = tmp_path_factory.mktemp("store") / "mlflow.db"
    mlflow.MlflowClient(f"sqlite:///{file}").search_experiments()
    return file


@pytest.fixture
def home(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """The project, with nothing run yet; tests are in its root."""
    monkeypatch.chdir(tmp_path)
    for folder in (BASE_MODEL, "data"):
        (tmp_path / folder).mkdir(parents=True)
    tiny_vlm.save_idefics3(tmp_path / BASE_MODEL)
    pd.DataFrame({"path": ["a.jpg"], "score": [1.0]}).to_parquet(tmp_path / "data/scored.parquet")
    shutil.copy(empty_store, tmp_path)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    mlflow.set_registry_uri(None)
    experiment = mlflow.create_experiment("tests", artifact_location=str(tmp_path / "files"))
    yield Home(tmp_path, experiment)
    mlflow.set_tracking_uri(before)
    mlflow.set_registry_uri(None)


@pytest.fixture
def photos(tmp_path: Path, image_folder: Callable[..., Path]) -> list[Path]:
    """Three images of different colours."""
    return sorted(image_folder("a.png", "b.png", "c.png", folder="photos").iterdir())
