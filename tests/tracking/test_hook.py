"""Sessions of a small project, and a tracking server that is there, or not, or no longer."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from kedro.framework.hooks import hook_impl
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from selfscore.running.stopping import going_on_from

PASSWORD = "geheim"


class AfterNode:
    """Does something when a node has run."""

    def __init__(self, **actions: Callable[[], object]) -> None:
        self._actions = actions

    @hook_impl
    def after_node_run(self, node: Any) -> None:
        self._actions.get(node.name.rpartition(".")[2], lambda: None)()


@pytest.fixture
def root(
    project: Path,
    trial_conf: Path,
    image_folder: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Path]:
    """A project in a folder of its own, with thirty images to ingest."""
    root = trial_conf.parent
    shutil.copy(project / "pyproject.toml", root)
    (root / "src").mkdir()
    names = [f"{number:02d}.png" for number in range(30)]
    image_folder(*names)
    pd.DataFrame({"image": names, "score": range(30)}).to_csv(root / "scores.csv", index=False)
    monkeypatch.chdir(root)
    # The test's values; a user's would be kept in the same way.
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
    before = mlflow.get_tracking_uri()
    yield root
    mlflow.set_tracking_uri(before)
    mlflow.set_registry_uri(None)
    bootstrap_project(project)


def track_at(root: Path, address: str) -> None:
    file = root / "conf/base/mlflow.yml"
    lines = file.read_text().splitlines()
    kept = [line for line in lines if "artifact_location" not in line and "create_exp" not in line]
    at = next(place for place, line in enumerate(kept) if "mlflow_tracking_uri:" in line)
    kept[at] = f"  mlflow_tracking_uri: {address}"
    file.write_text("\n".join(kept) + "\n")


def ingest(root: Path, *hooks: object, **parameters: Any) -> dict[str, Any]:
    """A run of the pipeline; its manifest."""
    bootstrap_project(root)
    images = {"folder": str(root / "images"), "scores": str(root / "scores.csv")}
    runtime = {"images": images, "ingestion": {"levels": 4}, **parameters}
    with KedroSession.create(project_path=root, runtime_params=runtime) as session:
        for one in hooks:
            session._hook_manager.register(one)
        session.run(pipeline_names=["ingestion"])
    file = max((root / "data/08_reporting/manifests/manifest.json").iterdir()) / "manifest.json"
    manifest: dict[str, Any] = json.loads(file.read_text())
    assert manifest["status"] == "finished"
    return manifest


def newest(uri: str) -> Run:
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("selfscore")
    assert experiment is not None
    return client.search_runs([experiment.experiment_id])[0]


def unused_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelname == "WARNING" and record.name.startswith("selfscore")
    ]


def everything(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(record.getMessage() for record in caplog.records)


def test_a_run_is_found_by_data_model_and_commit(root: Path) -> None:
    store = f"sqlite:///{root}/runs.db"
    track_at(root, store)
    subprocess.run(["git", "init", "-q", "."], check=True)
    author = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run(["git", *author, "commit", "-q", "--allow-empty", "-m", "a"], check=True)
    address = {"judging": {"openai": {"base_url": "https://me:sk-1234567890@host/v1"}}}
    manifest = ingest(root, evaluation=address)

    run = newest(store)
    assert run.data.tags["dataset"] == manifest["artifacts"]["raw_images"]["path"] == "images"
    assert run.data.tags["dataset_sha256"] == manifest["artifacts"]["scored_images"]["sha256"]
    assert run.data.tags["git_commit"] == manifest["git"]["commit"]
    assert run.data.tags["kedro_run_id"] == manifest["run_id"]
    found = MlflowClient(store).search_runs(
        [run.info.experiment_id],
        f"tags.dataset = 'images' and tags.git_commit = '{manifest['git']['commit']}' "
        "and tags.base_model = 'data/06_models/demo_model'",
    )
    assert [one.info.run_id for one in found] == [run.info.run_id]
    assert run.data.params["ingestion.levels"] == "4"
    assert "sk-1234567890" not in str(run.to_dictionary())
    files = MlflowClient(store).list_artifacts(run.info.run_id)
    assert [file.path for file in files] == ["manifest.json"]


def test_the_parameters_of_a_node_are_written_at_once(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    track_at(root, f"sqlite:///{root}/runs.db")
    written: list[int] = []
    at_once, alone = SqlAlchemyStore.log_batch, SqlAlchemyStore.log_param

    def log_batch(store: Any, run_id: str, metrics: Any, params: Any, tags: Any) -> None:
        written.extend([len(params)] if params else [])
        at_once(store, run_id, metrics, params, tags)

    def log_param(store: Any, run_id: str, param: Any) -> Any:
        written.append(1)
        return alone(store, run_id, param)

    monkeypatch.setattr(SqlAlchemyStore, "log_batch", log_batch)
    monkeypatch.setattr(SqlAlchemyStore, "log_param", log_param)
    nodes = len(ingest(root)["nodes"])
    parameters = newest(f"sqlite:///{root}/runs.db").data.params
    assert sum(written) == len(parameters) > 20
    assert len(written) <= nodes


def test_a_run_that_goes_on_closes_what_a_killed_one_left_open(root: Path) -> None:
    store = f"sqlite:///{root}/runs.db"
    track_at(root, store)
    client = MlflowClient(store)
    experiment = client.create_experiment("selfscore")
    left = {
        name: client.create_run(experiment, tags={"kedro_run_id": name}).info.run_id
        for name in ("killed", "another")
    }
    with going_on_from("killed"):
        ingest(root)
    status = {name: client.get_run(run_id).info.status for name, run_id in left.items()}
    assert status == {"killed": "KILLED", "another": "RUNNING"}
    assert newest(store).data.tags["resumes"] == "killed"
    assert newest(store).info.status == "FINISHED"


def test_a_server_that_is_away_from_the_start_is_replaced_by_a_local_store(
    root: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    track_at(root, f"http://somebody:{PASSWORD}@127.0.0.1:{unused_port()}")
    manifest = ingest(root)
    [warning] = said(caplog)
    assert "The tracking server http://<redacted>@127.0.0.1" in warning
    assert f"sqlite:///{root}/mlflow.db" in warning
    run = newest(f"sqlite:///{root}/mlflow.db")
    assert run.info.status == "FINISHED"
    assert run.data.params["ingestion.levels"] == "4"
    assert manifest["mlflow"]["run_id"] == run.info.run_id
    assert mlflow.active_run() is None
    assert PASSWORD not in everything(caplog) + str(manifest) + str(capsys.readouterr())


def test_a_local_store_that_is_broken_leaves_the_run_untracked(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (root / "runs.db").write_bytes(b"not a database" * 100)
    track_at(root, f"sqlite:///{root}/runs.db")
    assert ingest(root)["mlflow"] == {}
    [warning] = said(caplog)
    assert "is not tracked" in warning


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"mlflow_tracking_url: http://somebody:{PASSWORD}@host", "mlflow_tracking_url: Extra"),
        (f"mlflow_tracking_uri: htp://somebody:{PASSWORD}@host", "cannot be used"),
    ],
)
def test_a_wrong_configuration_stops_the_run_without_telling_secrets(
    root: Path, line: str, message: str
) -> None:
    (root / "conf/base/mlflow.yml").write_text(f"server:\n  {line}\n")
    with pytest.raises(ValueError, match=message) as caught:
        ingest(root)
    assert PASSWORD not in str(caught.getrepr(chain=True, showlocals=False, style="value"))
    assert mlflow.active_run() is None


class Server:
    """`mlflow server` in processes of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        port = unused_port()
        self.address = f"http://somebody:{PASSWORD}@127.0.0.1:{port}"
        self.store = f"sqlite:///{folder}/server.db"
        command = [sys.executable, "-m", "mlflow", "server", "--host=127.0.0.1", f"--port={port}"]
        command += [f"--backend-store-uri={self.store}", "--workers=1"]
        command += [f"--artifacts-destination={folder}/files"]
        self._log = folder / "log"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={
                    **os.environ,
                    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                },
            )
        for _ in range(600):
            assert self._process.poll() is None, self._log.read_text()[-3000:]
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
                return
            except OSError:
                time.sleep(0.2)
        raise TimeoutError(self._log.read_text()[-3000:])

    def signal(self, number: int) -> None:
        # Nobody is left of it once it was killed.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def kill(self) -> None:
        if self._process.poll() is None:
            self.signal(signal.SIGKILL)
            self._process.wait()


@pytest.fixture
def server(root: Path) -> Iterator[Server]:
    one = Server(root / "server")
    yield one
    one.signal(signal.SIGCONT)
    one.kill()


@pytest.mark.slow
def test_a_server_that_goes_away_costs_no_run(
    root: Path,
    server: Server,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    track_at(root, server.address)
    manifest = ingest(root)
    run = newest(server.store)
    assert run.info.status == "FINISHED"
    assert run.info.run_id == manifest["mlflow"]["run_id"]
    assert run.data.params["ingestion.levels"] == "4"
    client = MlflowClient(server.store)
    kept = str(run.to_dictionary()) + str(client.get_experiment(run.info.experiment_id))
    printed = everything(caplog) + str(capsys.readouterr())
    assert PASSWORD not in kept + printed + str(manifest)
    assert said(caplog) == []

    manifest = ingest(root, AfterNode(read_scores=server.kill))
    assert (
        len(pd.read_parquet(next((root / "data").rglob("scored_images.parquet/*/*.parquet")))) == 30
    )
    [warning] = said(caplog)
    assert "The run goes on, and from here on it is not tracked" in warning
    assert manifest["mlflow"] == {}
    assert mlflow.active_run() is None
    assert PASSWORD not in everything(caplog) + str(manifest)
    assert newest(server.store).data.params, "what was written before is there"
