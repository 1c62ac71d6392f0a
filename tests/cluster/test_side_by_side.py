"""Nodes that wait for workers run side by side; manifest, tracking and resume are as ever."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import torch
from mlflow import MlflowClient
from project_copy import copy_project
from safetensors.torch import load_file

pytestmark = [pytest.mark.ray, pytest.mark.slow]

EXPERTS = ("consistency", "grounding_contrast")
ROUND = "experts=[consistency,grounding_contrast],rounds=1"
BY_RAY = "machine.engine=ray,machine.ray.gpus=0,machine.ray.workers=2"
NODES = ",".join(f"iteration_1.train_{expert}_expert" for expert in EXPERTS)


def kedro(folder: Path, *arguments: str, fails: bool = False) -> str:
    finished = subprocess.run(
        [sys.executable, "-m", "kedro", *arguments, "--env=test"],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(folder / "src")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert (finished.returncode != 0) == fails, finished.stdout[-6000:]
    return finished.stdout


def adapters(folder: Path) -> dict[str, dict[str, torch.Tensor]]:
    """The newest adapter of each expert."""
    places = {
        expert: folder / f"data/test/06_models/iteration_1/{expert}_adapter" for expert in EXPERTS
    }
    return {
        expert: load_file(max(place.iterdir()) / place.name / "adapter_model.safetensors")
        for expert, place in places.items()
    }


def manifest(folder: Path) -> dict[str, Any]:
    place = folder / "data/test/08_reporting/manifests/manifest.json"
    found: dict[str, Any] = json.loads((max(place.iterdir()) / place.name).read_text())
    return found


def test_two_experts_are_trained_at_once_as_one_after_the_other(
    project: Path, tmp_path: Path
) -> None:
    folder = copy_project(project, tmp_path)
    kedro(folder, "run", "--pipelines=iteration", f"--params={ROUND}", f"--to-nodes={NODES}")
    before = adapters(folder)
    kedro(
        folder,
        "run",
        "--pipelines=iteration",
        "--runner=ThreadRunner",
        f"--nodes={NODES}",
        f"--params={ROUND},{BY_RAY}",
    )
    for expert, tensors in adapters(folder).items():
        for name, tensor in tensors.items():
            assert torch.equal(before[expert][name], tensor), (expert, name)
    told = manifest(folder)
    assert told["status"] == "finished"
    assert {node["status"] for node in told["nodes"]} == {"finished"}
    began = [datetime.fromisoformat(node["started"]).timestamp() for node in told["nodes"]]
    assert max(began) - min(began) < min(node["seconds"] for node in told["nodes"])
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    (experiment,) = [found for found in client.search_experiments() if found.name == "selfscore"]
    runs = client.search_runs([experiment.experiment_id])
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert set(EXPERTS) <= {run.info.run_name for run in runs}
