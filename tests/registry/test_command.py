"""`kedro promote`, as it is typed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow
import pytest
from click.testing import CliRunner, Result
from kedro.framework.startup import bootstrap_project

from selfscore.registry.command import promote

Command = Callable[..., Result]


@pytest.fixture
def call(
    project: Path, trial_conf: Path, home, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Command]:
    file = trial_conf / "base/mlflow.yml"

    def run(*arguments: str, uri: str = mlflow.get_tracking_uri()) -> Result:
        file.write_text(re.sub("mlflow_tracking_uri: .*", f"mlflow_tracking_uri: {uri}", before))
        command = [*arguments, f"--conf-source={trial_conf}"]
        return CliRunner().invoke(promote, command, obj=bootstrap_project(project))

    before = file.read_text()
    yield run
    bootstrap_project(project)


def champion(home) -> str:
    return str(home.client.get_model_version_by_alias("selfscore", "champion").version)


def test_the_candidate_becomes_the_champion(home, call: Command) -> None:
    first, second = home.run(seed=1), home.run(seed=2)
    dry = call("--dry-run")
    assert dry.exit_code == 0, dry.output
    assert "would move: 1 → 2" in dry.output
    assert champion(home) == "1"

    done = call()
    assert done.exit_code == 0, done.output
    assert "The champion of 'selfscore' moved: 1 → 2" in done.output
    was, now = (line for line in done.output.splitlines() if line.startswith(("was", "now")))
    assert "0.510 [0.100, 0.900]" in was
    assert "0.520 [0.100, 0.900]" in now
    assert first in was
    assert second in now
    assert champion(home) == "2"
    assert "Version 2 is the champion of 'selfscore' already." in call().output

    assert "moved: 2 → 1" in call("1").output
    home.client.set_registered_model_alias("selfscore", "tried", "2")
    assert "moved: 1 → 2" in call("--alias=tried").output
    assert champion(home) == "2"


def test_what_cannot_be_done_is_said(home, call: Command) -> None:
    nothing = call()
    assert nothing.exit_code == 1
    assert "'selfscore' has no version with the alias 'candidate'" in nothing.output
    both = call("3", "--alias=candidate")
    assert both.exit_code == 2
    unregistered = call("--env=shuffled")
    assert unregistered.exit_code == 2
    assert "name a --model" in unregistered.output


def test_a_registry_that_is_away_is_named_without_its_password(
    home, call: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    away = call(uri="http://somebody:geheim@127.0.0.1:9")
    assert away.exit_code == 1
    assert "The model registry at http://<redacted>@127.0.0.1:9 cannot be used" in away.output
    assert "geheim" not in away.output
    assert "Traceback" not in away.output


def test_a_damaged_registry_is_named_with_what_to_do(home, call: Command, tmp_path: Path) -> None:
    file = tmp_path / "damaged.db"
    file.write_bytes(b"not a database at all, but long enough to be looked at" * 50)
    damaged = call(uri=f"sqlite:///{file}")
    assert damaged.exit_code == 1
    assert "Traceback" not in damaged.output and len(damaged.output.splitlines()) <= 5
    assert f"'{file}' is damaged" in damaged.output
    assert "put it back from a copy, or move it away" in damaged.output
