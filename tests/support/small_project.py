"""A small project with policies, run with the real hook and without a session."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner

from selfscore.provenance.hook import ProvenanceHooks
from selfscore.provenance.manifest import Manifest
from selfscore.provenance.project import Project
from selfscore.provenance.redaction import Redaction
from selfscore.provenance.store import read_manifests
from selfscore.vlm.policy import BaseModel, Card, LoraAdapter, Policy, ScoreScale
from selfscore.vlm.response import Prompts

PARAMETERS: dict[str, Any] = {
    "seed": 3,
    "model": {"id": "models/base", "revision": None},
    "iteration_1": {
        "dpo_training": {"lr": 0.1},
        "merging": {"rank": 2},
        "evaluation": {"confidence": 0.9},
    },
}
CREDENTIALS = {"store": {"key": "AKIA-very-secret", "secret": "xyz-even-more-secret"}}


def fit_scale(numbers: dict[str, Any]) -> dict[str, Any]:
    values = sorted(numbers["scores"])
    edges = [(low + high) / 2 for low, high in pairwise(values)]
    found = {"levels": len(values), "values": values, "edges": edges, "method": "quantile"}
    return found | {"min": values[0], "max": values[-1], "unit": "stars"}


def describe(model: dict[str, Any], scale: dict[str, Any]) -> Policy:
    base, prompts = BaseModel.from_record(model), Prompts("Rate it.", "Why {level}?")
    return Policy(Card(base, 0, None, ScoreScale(**scale), prompts))


def train(policy: Policy, parameters: dict[str, Any], seed: int) -> LoraAdapter:
    generator = torch.Generator().manual_seed(seed)
    tensors = {
        "base_model.model.q.lora_A.weight": torch.randn(2, 4, generator=generator),
        "base_model.model.q.lora_B.weight": torch.randn(4, 2, generator=generator),
    }
    return LoraAdapter(
        {"r": 2, "lora_alpha": 2, "target_modules": ["q"]},
        {name: tensor * parameters["lr"] for name, tensor in tensors.items()},
    )


def merge(policy: Policy, adapter: LoraAdapter, parameters: dict[str, Any]) -> Policy:
    card = replace(
        policy.card, iteration=1, parent=policy.digest, merging=parameters, energy_kept=1.0
    )
    return Policy(card, adapter)


def measure(policy: Policy, confidence: float) -> pd.DataFrame:
    figure = {"policy": "merged", "split": "test", "group": "all", "of": "", "metric": "srcc"}
    interval = {"value": 0.5, "low": 0.5 - confidence / 10, "high": 0.6}
    return pd.DataFrame([figure | interval])


def pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(fit_scale, "numbers", "score_scale", name="fit_scale"),
            Node(describe, ["params:model", "score_scale"], "policy_0", name="describe"),
            Node(
                train,
                ["policy_0", "params:iteration_1.dpo_training", "params:seed"],
                "iteration_1.scoring_adapter",
                name="train",
                namespace="iteration_1",
                tags="dpo_training",
            ),
            Node(
                merge,
                ["policy_0", "iteration_1.scoring_adapter", "params:iteration_1.merging"],
                "policy_1",
                name="merge",
                namespace="iteration_1",
                tags="merging",
            ),
            Node(
                measure,
                ["policy_1", "params:iteration_1.evaluation.confidence"],
                "iteration_1.figures",
                name="measure",
                namespace="iteration_1",
                tags="evaluation",
            ),
        ]
    )


def _entries(storage: str) -> dict[str, Any]:
    def entry(kind: str, path: str, versioned: bool = True) -> dict[str, Any]:
        return {"type": kind, "filepath": f"{storage}/{path}", "versioned": versioned}

    policy = "selfscore.datasets.policy.PolicyDataset"
    adapter = "selfscore.datasets.adapter.AdapterDataset"
    return {
        "numbers": entry("json.JSONDataset", "numbers.json", versioned=False),
        "score_scale": entry("json.JSONDataset", "03_primary/score_scale.json", versioned=False),
        "policy_{number}": entry(policy, "policy_{number}"),
        "iteration_1.scoring_adapter": entry(adapter, "06_models/it/scoring_adapter"),
        "iteration_1.figures": entry("pandas.ParquetDataset", "08_reporting/it/figures.parquet"),
        "champion": entry("json.JSONDataset", "champion.json"),
        "manifest": entry("json.JSONDataset", "manifests/manifest.json"),
    }


class TinyProject(Project):
    """Without a registry: one pipeline."""

    def pipeline(self, names: list[str] | None = None, **selection: Any) -> Pipeline:
        if names not in (None, ["__default__"]):
            raise ValueError(f"There is no pipeline {names}. There are: __default__.")
        return pipeline().filter(**{key: value or None for key, value in selection.items()})

    def datasets(self) -> set[str]:
        found = pipeline().datasets()
        return {name for name in found if not name.startswith("params:")}


@dataclass
class Tiny:
    """A project in a folder of its own, whose runs are numbered."""

    root: Path
    storage: str
    runs: int = 0

    def opened(self, **parameters: Any) -> Project:
        values = _merged(PARAMETERS, parameters)
        return TinyProject(self.root, None, Redaction(CREDENTIALS)(values), self._catalog(values))

    def run(self, only: Pipeline | None = None, **parameters: Any) -> str:
        """A run with these parameters; its id."""
        self.runs += 1
        run_id = f"2026-01-{self.runs:02d}T00.00.00.000Z"
        catalog = self._catalog(_merged(PARAMETERS, parameters), run_id)
        chosen = pipeline() if only is None else only
        manager = _create_hook_manager()
        manager.register(ProvenanceHooks())
        asked = {"run_id": run_id, "project_path": str(self.root), "runtime_params": parameters}
        manager.hook.after_catalog_created(
            catalog=catalog,
            conf_catalog={},
            conf_creds=CREDENTIALS,
            parameters={},
            save_version=run_id,
            load_versions={},
        )
        manager.hook.before_pipeline_run(run_params=asked, pipeline=chosen, catalog=catalog)
        try:
            SequentialRunner().run(chosen, catalog, manager, run_id)
        except Exception as error:
            manager.hook.on_pipeline_error(
                error=error, run_params=asked, pipeline=chosen, catalog=catalog
            )
            raise
        manager.hook.after_pipeline_run(
            run_params=asked, run_result={}, pipeline=chosen, catalog=catalog
        )
        return run_id

    def manifests(self) -> list[Manifest]:
        return read_manifests(self._catalog(PARAMETERS))

    def _catalog(self, parameters: dict[str, Any], version: str | None = None) -> DataCatalog:
        catalog = DataCatalog.from_config(_entries(self.storage), save_version=version)
        catalog["parameters"] = parameters
        names = {name for name in pipeline().inputs() if name.startswith("params:")}
        for name in names:
            value: Any = parameters
            for part in name.removeprefix("params:").split("."):
                value = value[part]
            catalog[name] = value
        return catalog


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {
        **one,
        **{
            key: _merged(one[key], value) if isinstance(one.get(key), dict) else value
            for key, value in other.items()
        },
    }


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    """The small project, not run yet."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/numbers.json").write_text(json.dumps({"scores": [3, 1, 2]}))
    (tmp_path / "models/base").mkdir(parents=True)
    (tmp_path / "models/base/config.json").write_text("{}")
    return Tiny(tmp_path, f"{tmp_path}/data")


@pytest.fixture
def remote(tiny: Tiny) -> Iterator[Tiny]:
    """The same with its data in a store that is no disk."""
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.store.clear()
    tiny.storage = "memory:///store"
    memory.pipe_file("/store/numbers.json", b'{"scores": [3, 1, 2]}')
    yield tiny
    memory.store.clear()


@pytest.fixture
def only() -> Callable[..., Pipeline]:
    """Some nodes of the small project's pipeline."""
    return lambda *names: pipeline().filter(node_names=list(names))


@pytest.fixture
def whole() -> Pipeline:
    """The small project's pipeline."""
    return pipeline()
