"""`kedro resume` from end to end: real sessions, and the command as it is called."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import fsspec
import pandas as pd
import pytest
from click.testing import CliRunner
from kedro.framework.hooks import hook_impl
from kedro.framework.startup import bootstrap_project
from mlflow import MlflowClient

from selfscore.cli import cli
from selfscore.provenance.begun_here import FOLDER
from selfscore.provenance.store import read_manifests
from selfscore.registry.hook import RegistryHooks


@pytest.fixture
def resume(project: Path, trial_conf: Path) -> Callable[..., str]:
    """Calls the command; gives what it says."""

    def call(*arguments: str, code: int = 0) -> str:
        done = CliRunner().invoke(
            cli,
            ["resume", f"--conf-source={trial_conf}", *arguments],
            obj=bootstrap_project(project),
        )
        assert done.exit_code == code, done.output
        return str(done.output)

    return call


@pytest.fixture
def mend(ingest, images) -> Callable[[], object]:
    """After a run that failed on a table that names other images: the right table again."""
    table = Path(images["scores"])
    good = table.read_text()
    rows = pd.read_csv(table)
    rows.loc[5:, "image"] = "no" + rows["image"]
    rows.to_csv(table, index=False)
    with pytest.raises(ValueError, match="not in the image folder"):
        ingest()
    return lambda: table.write_text(good)


def test_a_table_that_was_mended_is_read(ingest, mend, resume) -> None:
    mend()
    said = resume()
    assert said.count("'raw_scores' changed since the run read it") == 1
    assert "ingestion.read_scores" in said
    found = ingest.opened()
    assert len(found.catalog.load("scored_images")) == 30
    assert "nothing is left to do" in resume()


@pytest.fixture
def shared(trial_conf: Path) -> None:
    """What has versions is in a store, where nobody sees whose run lives."""
    file = trial_conf / "base/globals.yml"
    root = f"  root: {trial_conf.parent}/data"
    assert root in file.read_text()
    file.write_text(file.read_text().replace(root, "  root: memory:///shared"))


def test_a_colleagues_run_in_a_store_is_gone_on_with_if_it_is_named(
    shared, ingest, mend, resume, trial_conf: Path
) -> None:
    mend()
    assert "nodes are left" in resume("--dry-run")
    # As in another clone.
    shutil.rmtree(trial_conf.parent / "data" / FOLDER)
    said = resume("--dry-run", code=1)
    assert "was not begun here" in said
    advice = said.split("kedro resume")[1].strip()
    places = f"--params=images.folder={ingest.images['folder']},images.scores="
    assert "nodes are left" in resume(advice, places + ingest.images["scores"], "--dry-run")
    fsspec.filesystem("memory").rm("/shared", recursive=True)


def test_a_run_that_was_killed_at_its_end_is_ended(ingest, resume) -> None:
    child = os.fork()
    if child == 0:  # pragma: no cover - killed
        RegistryHooks.after_pipeline_run = hook_impl(lambda self: os.kill(os.getpid(), 9))
        ingest()
    assert os.waitpid(child, 0)[1] == 9
    catalog = ingest.opened().catalog
    [killed] = read_manifests(catalog)
    assert killed.status == "finished"
    client = MlflowClient(killed.mlflow["tracking_uri"])
    assert client.get_run(killed.mlflow["run_id"]).info.status == "RUNNING"

    assert "Its end is left" in resume("--dry-run")
    assert "Its end is left" in resume()
    newest, _ = read_manifests(ingest.opened().catalog)
    assert (newest.status, newest.command["resumes"]) == ("finished", killed.run_id)
    ended = {
        one.run_id: client.get_run(one.mlflow["run_id"]).info.status for one in (killed, newest)
    }
    assert ended == {killed.run_id: "KILLED", newest.run_id: "FINISHED"}
    assert "nothing is left to do" in resume()
