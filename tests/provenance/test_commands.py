"""The commands as a user types them, in a copy of the project, after a real round."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.slow

Kedro = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def folder(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which the first policy was made."""
    copy = tmp_path_factory.mktemp("handing_on")
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(project / name, copy)
    for name in ("src", "conf", "data/01_raw", "data/06_models/demo_model"):
        shutil.copytree(project / name, copy / name)
    done = kedro_in(copy)(
        "run", "--pipelines=iteration", "--env=test", "--to-outputs=policy_1", check=True
    )
    assert "Traceback" not in done.stdout
    return copy


@pytest.fixture(scope="module")
def kedro(folder: Path) -> Kedro:
    return kedro_in(folder)


def kedro_in(folder: Path) -> Kedro:
    """`kedro …` in a folder."""

    def call(*arguments: str, check: bool = False) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "kedro", *arguments],
            cwd=folder,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert not check or done.returncode == 0, done.stdout[-4000:]
        return done

    return call


def run_ids(folder: Path) -> list[str]:
    place = folder / "data/test/08_reporting/manifests/manifest.json"
    return sorted(path.name for path in place.iterdir())


def test_a_round_is_handed_on_verified_elsewhere_and_run_again_with_equal_digests(
    folder: Path, kedro: Kedro, tmp_path: Path
) -> None:
    archive = tmp_path / "iteration_1.tar.gz"
    kedro("handoff", "create", "iteration_1", "--env=test", f"--output={archive}", check=True)

    # Somewhere else, where there is nothing but the project's code.
    for name in ("pyproject.toml", "src", "conf"):
        source, target = folder / name, tmp_path / "elsewhere" / name
        target.parent.mkdir(exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    verified = kedro_in(tmp_path / "elsewhere")("handoff", "verify", str(archive), check=True)
    assert verified.stdout.count(" ok ") == 6, verified.stdout

    config = tmp_path / "replay.yml"
    chosen = ("--namespaces=iteration_1", "--tags=dpo_training,merging", f"--output={config}")
    written = kedro("handoff", "replay", str(archive), *chosen, check=True)
    assert "Traceback" not in written.stdout and "Note: " not in written.stdout, written.stdout
    [first] = run_ids(folder)
    content = yaml.safe_load(config.read_text())["run"]
    assert f"iteration_1.consistency_pairs:{first}" in content["load_versions"]
    assert content["env"] == "test"
    kedro("run", f"--config={config}", check=True)
    first, second = run_ids(folder)
    policies = [
        json.loads(manifest_of(folder, run).read_text())["artifacts"]["policy_1"]
        for run in (first, second)
    ]
    # Into versions of its own, and the same.
    assert [one["version"] for one in policies] == [first, second]
    assert policies[0]["digest"] == policies[1]["digest"]
    children = json.loads(manifest_of(folder, first).read_text())["mlflow"]["children"]
    assert "iteration_1" in children

    # Where nothing is that it could read, it says so.
    nowhere = kedro_in(tmp_path / "elsewhere")(
        "handoff", "replay", str(archive), "--tags=merging", check=True
    )
    assert "is not there" in nowhere.stdout


def manifest_of(folder: Path, run_id: str) -> Path:
    return folder / f"data/test/08_reporting/manifests/manifest.json/{run_id}/manifest.json"


def test_questions_are_answered_without_running_anything(folder: Path) -> None:
    """Exit codes and words of `stale`, `plan`, `prune` and of mistakes, in one light process."""
    newest = run_ids(folder)[-1]
    nodes = "--nodes=iteration_1.merge_experts,iteration_1.update_policy"
    chosen, changed = ["--env=test", nodes], "--params=merging.density=0.25"
    answers, heavy = asked(
        folder,
        ["stale", *chosen, "--check"],
        ["stale", *chosen, "--check", changed],
        ["plan", *chosen, "--only-stale", changed],
        ["plan", *chosen, "--only-missing-outputs"],
        ["prune", "--env=test", "--keep-last=1", "--delete"],
        ["handoff", "create", "policy_9", "--env=test", "--output=x"],
        ["handoff", "verify", "nowhere"],
        ["handoff", "replay", "2020", "--env=test"],
        ["stale", "--env=test", "--pipelines=nothing"],
        ["prune", "--env=test", "--keep-last=1", "--keep-runs=1"],
    )
    assert heavy == []
    assert [code for code, _ in answers] == [0, 1, 0, 0, 0, 1, 1, 1, 1, 0], answers
    fresh, stale, plan, missing, kept, no_policy, no_handoff, no_run, no_pipeline, prune = (
        output for _, output in answers
    )
    assert "4 up to date" in fresh
    assert "iteration_1.merging.density: 0.5 → 0.25" in stale
    assert "2 nodes would run, 0 would be skipped." in plan
    planned = [line.split() for line in plan.splitlines()]
    assert ["iteration_1.consistency_adapter", newest] in planned
    assert '--params="merging.density=0.25"' in plan
    assert "0 nodes would run, 2 would be skipped." in missing
    assert "0 versions" in kept  # manifests name them all
    assert "There is no 'policy_9' yet" in no_policy
    assert "neither a folder nor an archive" in no_handoff
    assert "no manifest of a run '2020'" in no_run
    assert "There is no pipeline 'nothing'" in no_pipeline
    # A dry run: the first policy may go, and is there.
    assert ["policy_1", run_ids(folder)[0]] in [line.split()[:2] for line in prune.splitlines()]
    assert (folder / f"data/test/06_models/policy_1/{run_ids(folder)[0]}").is_dir()


def test_prune_deletes_when_told(folder: Path) -> None:
    first, second = run_ids(folder)
    [(code, output)], _ = asked(
        folder, ["prune", "--env=test", "--keep-last=1", "--keep-runs=1", "--delete"]
    )
    assert code == 0, output
    assert [path.name for path in (folder / "data/test/06_models/policy_1").iterdir()] == [second]
    # What the newest run read stays, and so does the manifest that says how it was made.
    pairs = folder / "data/test/05_model_input/iteration_1/consistency_pairs.parquet"
    assert (pairs / first).is_dir()
    assert run_ids(folder) == [first, second]


ASK = """
import json, sys
from pathlib import Path
from click.testing import CliRunner
from kedro.framework.startup import bootstrap_project
metadata = bootstrap_project(Path.cwd())
from selfscore.cli import cli
answers = []
for arguments in json.loads(sys.argv[1]):
    done = CliRunner().invoke(cli, arguments, obj=metadata)
    answers.append([done.exit_code, done.output])
heavy = [name for name in ("torch", "transformers", "trl", "peft") if name in sys.modules]
print(json.dumps([answers, heavy]))
"""


def asked(folder: Path, *commands: list[str]) -> tuple[list[tuple[int, str]], list[str]]:
    """Exit code and output of each command, all in one process; heavy libraries it imported."""
    done = subprocess.run(
        [sys.executable, "-c", ASK, json.dumps(commands)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "src")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    answers, heavy = json.loads(done.stdout.splitlines()[-1])
    return [(code, output) for code, output in answers], heavy
