"""The files of tracked runs are in the project, wherever that is, and whatever it is called."""

from __future__ import annotations

import shutil
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient

from selfscore.tracking.local_store import prepared
from selfscore.tracking.run_files import FOLDER, keep_in


def open_store(project: Path) -> MlflowClient:
    project.mkdir(exist_ok=True)
    store = project / "mlflow.db"
    with prepared(store):
        keep_in(project / FOLDER, store, "trials")
    return MlflowClient(f"sqlite:///{store}")


def write(client: MlflowClient, text: str) -> str:
    experiment = client.get_experiment_by_name("trials")
    assert experiment is not None
    run: str = client.create_run(experiment.experiment_id).info.run_id
    client.log_text(run, text, "note.txt")
    return run


def read(client: MlflowClient, run: str) -> str:
    return mlflow.artifacts.load_text(f"{client.get_run(run).info.artifact_uri}/note.txt")


@pytest.mark.parametrize("name", ["plain", "100% with a space"])
def test_files_are_below_the_project(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    client = open_store(tmp_path / name)
    run = write(client, "hello")
    assert (tmp_path / name / FOLDER / run / "artifacts/note.txt").read_text() == "hello"
    assert read(client, run) == "hello"
    assert not list(elsewhere.iterdir())


def test_a_project_that_was_moved_takes_its_files_along(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = write(open_store(tmp_path / "a"), "before")
    (tmp_path / "a").rename(tmp_path / "b")
    client = open_store(tmp_path / "b")
    assert f"made in '{tmp_path}/a'" in caplog.text
    assert read(client, before) == "before"
    after = write(client, "after")
    assert read(client, after) == "after"
    assert not (tmp_path / "a").exists()
    caplog.clear()
    open_store(tmp_path / "b")
    assert caplog.text == ""


def test_a_copy_writes_nothing_into_the_original(tmp_path: Path) -> None:
    write(open_store(tmp_path / "a"), "before")
    shutil.copytree(tmp_path / "a", tmp_path / "copy")
    files = sorted((tmp_path / "a").rglob("*"))
    run = write(open_store(tmp_path / "copy"), "after")
    assert sorted((tmp_path / "a").rglob("*")) == files
    assert (tmp_path / "copy" / FOLDER / run / "artifacts/note.txt").is_file()


def test_places_of_an_earlier_release_are_moved_too(tmp_path: Path) -> None:
    """They were plain paths, with the experiment's number in them."""
    (tmp_path / "a").mkdir()
    with prepared(tmp_path / "a/mlflow.db"):
        client = MlflowClient(f"sqlite:///{tmp_path}/a/mlflow.db")
        client.create_experiment("trials", str(tmp_path / "a" / FOLDER / "1"))
    before = write(client, "before")
    (tmp_path / "a").rename(tmp_path / "b")
    client = open_store(tmp_path / "b")
    assert read(client, before) == "before"
    assert read(client, write(client, "after")) == "after"
