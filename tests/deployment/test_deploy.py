"""What `kedro deploy` writes: read by a shell and a YAML parser, with a Slurm of four lines."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from kedro.framework.startup import bootstrap_project
from kedro.pipeline import Node, Pipeline

from selfscore.cli import cli
from selfscore.deployment.jobs import Job, jobs_of

# Answers with a number, and writes down what it was asked.
SBATCH = """#!/bin/sh
echo "$@" >> "$ASKED"
wc -l < "$ASKED" | tr -d ' '
"""


@pytest.fixture
def deploy(project: Path, tmp_path: Path) -> Callable[..., tuple[Path, Result]]:
    """`kedro deploy …`; the folder with what it wrote, and what it said."""
    metadata = bootstrap_project(project)

    def call(*arguments: str) -> tuple[Path, Result]:
        command = ["deploy", *arguments, f"--folder={tmp_path}"]
        return tmp_path, CliRunner().invoke(cli, command, obj=metadata)

    return call


def pass_on(data: str) -> str:
    return data


def test_a_stage_is_a_job_and_waits_for_what_it_reads() -> None:
    def step(name: str, reads: str | None, tag: str) -> Node:
        return Node(pass_on, reads, f"of_{name}", name=name, namespace=name, tags=tag)

    steps = [
        step("last", "of_middle", "cpu"),
        step("middle", "of_first", "gpu"),
        step("first", "raw", "cpu"),
    ]
    assert jobs_of(Pipeline(steps)) == [
        Job("first", "cpu", ()),
        Job("middle", "gpu", ("first",)),
        Job("last", "cpu", ("middle",)),
    ]
    with pytest.raises(ValueError, match="'loose' belongs to no group"):
        jobs_of(Pipeline([*steps, Node(pass_on, "raw", "x", name="loose")]))


def test_slurm_is_given_the_stages_in_their_order(
    deploy: Callable[..., tuple[Path, Result]], tmp_path: Path
) -> None:
    folder, done = deploy("slurm", "--params=rounds=2", "--gpus=4", "--env=test")
    assert done.exit_code == 0, done.output
    tools, asked = tmp_path / "tools", tmp_path / "asked"
    tools.mkdir()
    (tools / "sbatch").write_text(SBATCH)
    (tools / "sbatch").chmod(0o755)
    asked.touch()
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "ASKED": str(asked)}
    subprocess.run(["bash", str(folder / "slurm.sh")], env=environment, check=True)
    lines = asked.read_text().splitlines()
    names = [line.partition("--job-name=")[2].split()[0] for line in lines]
    assert names == ["ingestion", "baseline", "iteration_1", "iteration_2", "reporting"]
    assert ["--gpus=4" in line for line in lines] == [False, True, True, True, False]
    assert "--dependency=afterok:2:1:3" in lines[3]
    run = "kedro run --pipelines=iteration --env=test --params=machine.engine=ray,"
    assert all(f"--wrap={run}" in line for line in lines)
    assert all("machine.training_processes=4,rounds=2 --" in line for line in lines)
    assert all(
        line.endswith(f"--namespaces={name}") for line, name in zip(lines, names, strict=True)
    )


def test_kubernetes_is_given_the_run_and_machines_with_gpus(
    deploy: Callable[..., tuple[Path, Result]],
) -> None:
    folder, done = deploy("kuberay", "--image=ours/selfscore:1", "--workers=3", "--gpus=2")
    assert done.exit_code == 0, done.output
    found = yaml.safe_load((folder / "rayjob.yaml").read_text())
    assert (found["apiVersion"], found["kind"]) == ("ray.io/v1", "RayJob")
    assert "machine.ray.workers=6" in found["spec"]["entrypoint"]
    # Those of one machine train together.
    assert "machine.training_processes=2" in found["spec"]["entrypoint"]
    assert "--runner=ThreadRunner" in found["spec"]["entrypoint"]
    (group,) = found["spec"]["rayClusterSpec"]["workerGroupSpecs"]
    (container,) = group["template"]["spec"]["containers"]
    assert group["replicas"] == 3 and container["resources"]["limits"]["nvidia.com/gpu"] == 2


def test_nodes_say_whether_they_load_a_model(project: Path) -> None:
    bootstrap_project(project)
    from kedro.framework.project import pipelines

    for node in pipelines["iteration"].nodes:
        needs = {"gpu", "cpu"} & node.tags
        assert needs == ({"gpu"} if "params:machine" in node.inputs else {"cpu"}), node.name
