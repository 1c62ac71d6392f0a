"""Runners that run nodes beside each other are refused before anything is loaded or written."""

from pathlib import Path

import click
import pytest
from kedro.framework.startup import bootstrap_project
from kedro.runner import ParallelRunner, ThreadRunner

from selfscore.running.stopping import StoppableSession, _check_runner


@pytest.mark.parametrize("runner", [ThreadRunner, ParallelRunner])
def test_nodes_beside_each_other_are_refused_at_the_start(
    project: Path, trial_conf: Path, tmp_path: Path, runner: type
) -> None:
    """They would share a model's memory and the generators of random numbers."""
    bootstrap_project(project)
    with StoppableSession.create(
        project_path=project, conf_source=str(trial_conf), env="test"
    ) as session:
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(click.UsageError, match=f"{runner.__name__} runs nodes.*leave out"):
            session.run(pipeline_names=["iteration"], runner=runner())
    assert sorted(tmp_path.rglob("*")) == before


def test_nodes_that_wait_for_workers_may_do_so_in_threads() -> None:
    _check_runner(ThreadRunner(), "ray")
    with pytest.raises(click.UsageError, match="machine.engine=ray"):
        _check_runner(ThreadRunner(), "local")
    with pytest.raises(click.UsageError, match="leave out --runner.$"):
        _check_runner(ParallelRunner(), "ray")
