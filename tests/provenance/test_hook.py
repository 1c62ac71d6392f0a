"""The manifest of real sessions, and of runs that fail or are killed."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from kedro.pipeline import Node, Pipeline

from selfscore.provenance.manifest import Manifest
from selfscore.provenance.project import Project, open_project
from selfscore.provenance.redaction import REDACTED
from selfscore.provenance.store import read_manifests

SECRET = "sk-this-must-not-be-written"


def test_a_session_leaves_a_manifest(ingest: Callable[..., Project]) -> None:
    project = ingest()
    [manifest] = read_manifests(project.catalog)
    assert manifest.status == "finished"
    assert [node.status for node in manifest.nodes] == ["finished"] * 6
    assert manifest.command["pipeline_names"] == ["ingestion"]
    assert manifest.parameters["ingestion"]["levels"] == 4
    assert manifest.seeds["seed"] == 0
    assert manifest.environment["variables"]["OMP_NUM_THREADS"]
    assert manifest.packages["kedro"].startswith("1.")
    assert len(manifest.git["commit"]) == 40
    assert "selfscore.scored_images.splitting" in manifest.code
    assert manifest.base_model["sha256"]
    assert all(node.seconds is not None and node.seconds >= 0 for node in manifest.nodes)
    assert all(node.processor_seconds is not None for node in manifest.nodes)
    assert manifest.seconds >= sum(node.seconds or 0 for node in manifest.nodes) - 0.1
    # Every dataset of the pipeline, the inputs without a writer.
    assert set(manifest.made) == {
        "listed_images",
        "readable_images",
        "quarantine",
        "split_images",
        "score_source",
        "score_scale",
        "data_check",
        "scored_images",
    }
    assert set(manifest.artifacts) - set(manifest.made) == {"raw_images", "raw_scores"}
    assert manifest.artifacts["raw_images"].files == 30
    scale = manifest.artifacts["score_scale"]
    stored = Path(scale.path).read_bytes()
    assert scale.sha256 == hashlib.sha256(stored).hexdigest()
    assert scale.node == "ingestion.fit_score_scale"


def test_the_manifest_names_the_tracked_run_and_is_kept_with_it(
    ingest: Callable[..., Project],
) -> None:
    [manifest] = read_manifests(ingest().catalog)
    client = mlflow.MlflowClient(manifest.mlflow["tracking_uri"])
    run = client.get_run(manifest.mlflow["run_id"])
    assert run.info.status == "FINISHED"
    assert [file.path for file in client.list_artifacts(run.info.run_id)] == ["manifest.json"]


def test_a_failed_session_says_what_failed(ingest: Callable[..., Project], trial_conf) -> None:
    with pytest.raises(ValueError, match="MOS"):
        ingest(ingestion={"levels": 4, "columns": {"score": "MOS"}})
    [file] = (trial_conf.parent / "data/08_reporting/manifests/manifest.json").iterdir()
    record = json.loads((file / "manifest.json").read_text())
    assert record["status"] == "failed"
    assert record["failed_node"] == "ingestion.read_scores"
    assert "MOS" in record["error"]
    assert [node["status"] for node in record["nodes"]] == ["failed"] + ["waiting"] * 5


def test_no_secret_is_written(ingest: Callable[..., Project], trial_conf, monkeypatch) -> None:
    (trial_conf / "local" / "credentials.yml").write_text(f"store: {{key: {SECRET}}}\n")
    monkeypatch.setenv("ANOTHER_API_KEY", f"{SECRET}-too")
    project = ingest(
        ingestion={"levels": 4, "unit": f"called with {SECRET}"},
        evaluation={"judging": {"openai": {"base_url": "https://me:hunter2@host/x"}}},
    )
    [manifest] = read_manifests(project.catalog)
    assert REDACTED in manifest.parameters["ingestion"]["unit"]
    folder = trial_conf.parent / "data/08_reporting/manifests"
    text = "".join(file.read_text() for file in folder.rglob("*") if file.is_file())
    assert REDACTED in text
    assert SECRET not in text
    assert "hunter2" not in text
    # Nor does a comparison see a difference where both sides are hidden.
    for section in ("ingestion", "evaluation"):
        assert project.parameters[section] == manifest.parameters[section]


KILLED = """
import os, signal, sys
from kedro.framework.startup import bootstrap_project
from selfscore.pipelines.ingestion import pipeline
bootstrap_project(os.getcwd())
pipeline.fit_score_scale.__code__ = (
    lambda split_images, score_source, settings: __import__("os").kill(__import__("os").getpid(), 9)
).__code__
from kedro.framework.session import KedroSession
conf, folder, scores = sys.argv[1:]
runtime = {"images": {"folder": folder, "scores": scores}, "ingestion": {"levels": 4}}
with KedroSession.create(conf_source=conf, runtime_params=runtime) as session:
    session.run(pipeline_names=["ingestion"])
"""


def test_a_killed_run_leaves_what_it_had(
    project: Path, trial_conf: Path, images: dict[str, str], ingest: Callable[..., Project]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(trial_conf), images["folder"], images["scores"]],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project / "src")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    ingest()
    finished, killed = read_manifests(open_project(project, conf_source=str(trial_conf)).catalog)
    assert finished.status == "finished"
    assert killed.status == "interrupted"
    states = {node.name: node.status for node in killed.nodes}
    assert states["ingestion.fit_score_scale"] == "interrupted"
    assert states["ingestion.draw_splits"] == "finished"
    assert states["ingestion.assign_levels"] == "waiting"
    for name in ("listed_images", "split_images"):
        assert killed.made[name].sha256 == finished.made[name].sha256


def test_a_manifest_that_cannot_be_written_does_not_cost_the_run(tiny, caplog) -> None:
    (tiny.root / "data/manifests").write_text("a file where a folder should be")
    run_id = tiny.run()
    assert "Not written to the manifest" in caplog.text
    assert (tiny.root / f"data/policy_1/{run_id}/policy_1/policy.json").is_file()


def test_without_a_dataset_for_it_there_is_no_manifest(tiny, monkeypatch) -> None:
    monkeypatch.setattr("selfscore.provenance.hook.DATASET", "no_such_dataset")
    tiny.run()
    assert not (tiny.root / "data/manifests").exists()


def test_the_digest_of_a_policy_is_in_the_manifest(tiny) -> None:
    tiny.run()
    [manifest] = tiny.manifests()
    policy = tiny.opened().catalog.load("policy_1")
    assert manifest.artifacts["policy_1"].digest == policy.digest
    assert manifest.artifacts["policy_1"].version == manifest.run_id
    assert manifest.artifacts["numbers"].digest is None


def test_a_table_with_a_column_digest_has_none(tiny) -> None:
    def measure() -> pd.DataFrame:
        return pd.DataFrame({"digest": ["a"]})

    tiny.run(Pipeline([Node(measure, None, "iteration_1.figures", name="measure")]))
    [manifest] = tiny.manifests()
    assert manifest.artifacts["iteration_1.figures"].digest is None


def test_a_part_of_a_pipeline_names_the_versions_it_loaded(tiny, only) -> None:
    first = tiny.run()
    second = tiny.run(only("iteration_1.merge", "iteration_1.measure"))
    newest, _ = tiny.manifests()
    assert isinstance(newest, Manifest)
    assert newest.run_id == second
    assert newest.artifacts["policy_0"].version == first
    assert newest.artifacts["policy_0"].node is None
    assert newest.artifacts["policy_1"].version == second


def test_an_error_that_tells_a_secret_is_written_without_it(tiny) -> None:
    def fail(numbers: dict[str, Any]) -> None:
        raise RuntimeError(f"no access with {tiny_secret}")

    tiny_secret = "xyz-even-more-secret"  # as in the project's credentials
    with pytest.raises(RuntimeError):
        tiny.run(Pipeline([Node(fail, "numbers", None, name="fail")]))
    [manifest] = tiny.manifests()
    assert manifest.status == "failed"
    assert manifest.failed_node == "fail"
    assert manifest.error == f"RuntimeError: no access with {REDACTED}"
