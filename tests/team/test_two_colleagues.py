"""One runs, the other takes over: two clones, two users of one store, and nothing else in common.

One tiny run serves all tests.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from project_copy import copy_project

from selfscore.provenance.one_run import LOCK

from .conftest import BUCKET, PASSWORD, SERVER, Team

pytestmark = pytest.mark.slow

TINY = (
    "rounds=1,ingestion.max_images_per_split=24,"
    "evaluation.n_resamples=100,reporting.n_resamples=100,"
    "evaluation.faithfulness.counterfactual.pictures=2,evaluation.faithfulness.reader.pictures=4"
)
IMAGES = ["data/01_raw/demo_images/images/IndiaGate_*.jpg"]


@dataclass(frozen=True)
class Colleague:
    """A clone, and the environment of a shell in it."""

    clone: Path
    team: Team

    @property
    def name(self) -> str:
        return self.clone.name

    @property
    def secrets(self) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": f"AKIA{self.name.upper() * 4}",
            "AWS_SECRET_ACCESS_KEY": f"s3-secret-{self.name}",
            "MLFLOW_TRACKING_PASSWORD": f"mlflow-password-{self.name}",
        }

    def starts(self, *command: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "kedro", *command],
            cwd=self.clone,
            env={
                **os.environ,
                "SELFSCORE_STORE": self.team.store,
                "MLFLOW_TRACKING_URI": self.team.mlflow,
                "MLFLOW_TRACKING_USERNAME": self.name,
                "AWS_ENDPOINT_URL": self.team.s3,
                **self.secrets,
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def says(self, process: subprocess.Popen[str], code: int = 0) -> str:
        """What a command prints; kept for the search for secrets."""
        output, _ = process.communicate()
        with (self.clone / "said.txt").open("a") as said:
            said.write(output)
        assert process.returncode == code, output[-4000:]
        return output


@pytest.fixture(scope="module")
def ann(team: Team, project: Path, tmp_path_factory: pytest.TempPathFactory) -> Colleague:
    folder = tmp_path_factory.mktemp("clones") / "ann"
    folder.mkdir()
    return Colleague(copy_project(project, folder), team)


@pytest.fixture(scope="module")
def bob(team: Team, project: Path, ann: Colleague) -> Colleague:
    folder = ann.clone.with_name("bob")
    folder.mkdir()
    return Colleague(copy_project(project, folder), team)


@pytest.fixture(scope="module")
def refusal(ann: Colleague) -> Iterator[str]:
    """Ann's run; what a second one in her clone is told meanwhile."""
    run = ann.starts("run", "--pipelines=iteration", "--env=team", f"--params={TINY}")
    lock = ann.clone / "data/team" / LOCK
    while not lock.exists() or not lock.read_text():
        assert run.poll() is None, ann.says(run)
        time.sleep(0.1)
    refused = ann.says(ann.starts("run", "--pipelines=ingestion", "--env=team"), code=1)
    ann.says(run)
    yield refused


@pytest.fixture(scope="module")
def scores(ann: Colleague, bob: Colleague, refusal: str) -> dict[str, list[dict[str, object]]]:
    """Of the same images by the policy in the store, by both."""
    command = ["score", *IMAGES, "--env=team", "--policy=policy_1", "--output=scores.json"]
    running = {colleague: colleague.starts(*command) for colleague in (ann, bob)}
    for colleague, process in running.items():
        colleague.says(process)
    return {one.name: json.loads((one.clone / "scores.json").read_text()) for one in running}


@pytest.fixture(scope="module")
def handed(ann: Colleague, bob: Colleague, refusal: str) -> dict[str, str]:
    """What bob is told of ann's handoff, and of what he would have to make himself."""
    archive = ann.clone / "policy_1.tar.gz"
    create = ["handoff", "create", "policy_1", "--env=team", "--with-data", f"--output={archive}"]
    plan = ["plan", "--pipelines=iteration", "--only-missing-outputs", f"--params={TINY}"]
    running = ann.starts(*create), bob.starts(*plan, "--env=team")
    ann.says(running[0])
    shutil.copy(archive, bob.clone)
    verified = bob.says(bob.starts("handoff", "verify", archive.name))
    return {"verify": verified, "plan": bob.says(running[1])}


def rows(team: Team, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(team.database) as connection:
        return connection.execute(query).fetchall()


def objects(team: Team) -> dict[str, bytes]:
    client = team.client()
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    keys = [item["Key"] for page in pages for item in page["Contents"]]
    return {key: client.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}


def test_both_get_the_same_scores_from_the_store(
    scores: dict[str, list[dict[str, object]]], bob: Colleague
) -> None:
    assert len(scores["ann"]) > 3
    assert scores["ann"] == scores["bob"]
    assert {row["error"] for row in scores["bob"]} == {None}
    assert not (bob.clone / "data/team").exists()


def test_what_is_handed_on_comes_from_the_store(handed: dict[str, str]) -> None:
    assert re.findall(r"^(\w[\w ]+?) +(ok|FAILED) ", handed["verify"], re.MULTILINE) == [
        (check, "ok")
        for check in ("files", "policy", "adapter", "digest", "scale and prompts", "manifests")
    ]


def test_who_takes_over_makes_nothing_again_that_takes_long(handed: dict[str, str]) -> None:
    steps = dict(re.findall(r"^(\w[\w.]+) +(run|skip) ", handed["plan"], re.MULTILINE))
    assert len(steps) > 40
    # Only what stays in the clone, and what leaves nothing.
    assert {name.rpartition(".")[2] for name, state in steps.items() if state == "run"} == {
        *("read_scores", "check_images", "draw_splits", "encode_images", "encode_edits"),
        *("open_checkpoints", "watch_health"),
    }


def test_a_second_run_in_the_same_clone_is_refused(refusal: str, ann: Colleague) -> None:
    assert f"Another run is writing to '{ann.clone}/data/team' (process " in refusal
    assert "Traceback" not in refusal
    assert len([key for key in objects(ann.team) if re.search("^demo/.*/manifests/", key)]) == 1


def test_the_run_is_in_postgresql_and_its_files_in_the_store(team: Team, refusal: str) -> None:
    names = {name for (name,) in rows(team, "SELECT name FROM runs WHERE status = 'FINISHED'")}
    assert {"baseline", "iteration_1"} <= names
    assert rows(team, "SELECT count(*) FROM metrics WHERE key = 'test/merged/srcc'") != [(0,)]
    [(manifest,)] = [
        (key,) for key in objects(team) if key.startswith("mlflow/") and "manifest.json" in key
    ]
    assert json.loads(objects(team)[manifest])["status"] == "finished"


def test_the_clone_keeps_what_has_no_versions(ann: Colleague, refusal: str) -> None:
    kept = {file.name for file in (ann.clone / "data/team").rglob("*") if file.is_file()}
    assert {"split_images.parquet", "tokens.safetensors"} <= kept
    names = {key.rpartition("/")[2] for key in objects(ann.team) if key.startswith("demo/")}
    assert names & kept <= {"_complete.json"}
    assert not (ann.clone / "mlflow.db").exists()
    assert not (ann.clone / "data/08_reporting").exists()


def test_no_secret_is_anywhere(
    team: Team,
    ann: Colleague,
    bob: Colleague,
    scores: dict[str, list[dict[str, object]]],
    handed: dict[str, str],
) -> None:
    """Bob makes a mistake, too: he gives the database's address instead of the server's."""
    bob.says(
        bob.starts(
            *("run", "--pipelines=ingestion", "--env=team", f"--params={TINY}"),
            MLFLOW_TRACKING_URI=team.database,
        )
    )
    with tarfile.open(bob.clone / "policy_1.tar.gz") as archive:
        archive.extractall(bob.clone / "opened", filter="data")
    secrets = [PASSWORD, *SERVER.values(), *ann.secrets.values(), *bob.secrets.values()]
    found = {f"s3://{BUCKET}/{key}": content for key, content in objects(team).items()}
    for file in (*ann.clone.parent.rglob("*"), team.log):
        if file.is_file():
            found[str(file)] = file.read_bytes()
    for (table,) in rows(team, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        found[f"table {table}"] = str(rows(team, f'SELECT * FROM "{table}"')).encode()
    # The search sees what is written.
    for where in ("/manifests/", "said.txt", "table params", "opened/manifests/"):
        assert any(where in place and b"iteration_1" in found[place] for place in found), where
    leaks = {
        (place, secret)
        for place, content in found.items()
        for secret in secrets
        if secret.encode() in content
    }
    assert not leaks
