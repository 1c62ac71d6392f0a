"""Nodes that wait for workers run side by side; manifest, tracking and resume are as ever."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import torch
from mlflow import MlflowClient
from project_copy import copy_project
from safetensors.torch import load_file

from selfscore.provenance.journal import NAME as JOURNAL

pytestmark = [pytest.mark.ray, pytest.mark.slow]

EXPERTS = ("consistency", "grounding_contrast")
ROUND = "experts=[consistency,grounding_contrast],rounds=1"
BY_RAY = "machine.engine=ray,machine.ray.gpus=0,machine.ray.workers=2"
JOURNALS = f"data/test/08_reporting/manifests/**/{JOURNAL}"
NODES = ",".join(f"iteration_1.train_{expert}_expert" for expert in EXPERTS)

AT_ONCE = (
    "--pipelines=iteration",
    "--runner=ThreadRunner",
    f"--nodes={NODES}",
    f"--params={ROUND},{BY_RAY}",
)


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


@pytest.fixture(scope="module")
def trained(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, dict[str, torch.Tensor]]]:
    """A project in which both experts were trained in one process, and their adapters."""
    folder = copy_project(project, tmp_path_factory.mktemp("project"))
    kedro(folder, "run", "--pipelines=iteration", f"--params={ROUND}", f"--to-nodes={NODES}")
    return folder, adapters(folder)


def same(
    found: dict[str, dict[str, torch.Tensor]], before: dict[str, dict[str, torch.Tensor]]
) -> bool:
    return all(
        torch.equal(before[expert][name], tensor)
        for expert, tensors in found.items()
        for name, tensor in tensors.items()
    )


def test_two_experts_are_trained_at_once_as_one_after_the_other(trained) -> None:
    folder, before = trained
    kedro(folder, "run", *AT_ONCE)
    assert same(adapters(folder), before)
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


def test_a_run_of_both_that_was_killed_goes_on_in_the_same_way(trained) -> None:
    folder, before = trained
    known = set(folder.glob(JOURNALS))
    killed = subprocess.Popen(
        [sys.executable, "-m", "kedro", "run", *AT_ONCE, "--env=test"],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(folder / "src")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )

    def begun() -> int:
        told = "".join(file.read_text() for file in set(folder.glob(JOURNALS)) - known)
        return sum(f"train_{expert}_expert" in told for expert in EXPERTS)

    while killed.poll() is None and begun() < len(EXPERTS):
        time.sleep(0.1)
    assert killed.poll() is None, "the run ended before it was killed"
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    # Which engine is used is never taken from a manifest.
    said = kedro(folder, "resume", f"--params={BY_RAY}")
    assert "2 nodes are left" in said
    assert same(adapters(folder), before)
    told = manifest(folder)
    assert told["status"] == "finished" and "ThreadRunner" in told["command"]["runner"]
