"""The command `kedro deploy`.

Kedro reads this file for each of its commands, so the rest is imported when this one is called.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from selfscore.configuration.given_parameters import read_params
from selfscore.provenance.commands.shared import (
    as_click_errors,
    conf_source_option,
    env_option,
    project_of,
    verbose_option,
    with_options,
)

if TYPE_CHECKING:
    from kedro.framework.startup import ProjectMetadata


@click.group()
def deploy() -> None:
    """Write files that let a cluster run the project, see docs/cluster.md."""


def _as_given(
    context: click.Context, option: click.Parameter, value: str
) -> tuple[str, dict[str, Any]]:
    """What `--params` says, as it was written and as it was read."""
    return value, read_params(context, option, value)


_OPTIONS = (
    env_option,
    conf_source_option,
    verbose_option,
    click.option("--folder", default="deploy", show_default=True, help="Where it is written."),
    click.option("--pipelines", default="iteration", show_default=True, help="What is run."),
    click.option("--params", default="", callback=_as_given, help="As of `kedro run`."),
    click.option("--gpus", type=click.IntRange(0), default=1, show_default=True, help="A machine."),
    click.option("--cpus", type=click.IntRange(1), default=8, show_default=True, help="A machine."),
)


@deploy.command()
@with_options(*_OPTIONS)
@click.pass_obj
def slurm(metadata: ProjectMetadata, gpus: int, cpus: int, **asked: Any) -> None:
    """A script that hands each stage to Slurm as a job of its own: deploy/slurm.sh."""
    from selfscore.deployment.jobs import jobs_of
    from selfscore.deployment.slurm import slurm_script

    with as_click_errors():
        project = project_of(metadata, asked["env"], asked["params"][1], asked["conf_source"])
        jobs = jobs_of(project.pipeline([asked["pipelines"]]))
    parameters = _workers(gpus, machines=1)
    # One GPU is best used by the run's own process.
    more = {"machine.engine": "ray", **parameters} if gpus > 1 else {}
    _write(metadata, asked["folder"], "slurm.sh", slurm_script(jobs, _run(asked, more), gpus, cpus))


@deploy.command()
@with_options(*_OPTIONS)
@click.option("--image", required=True, help="Container with the package and the extra `ray`.")
@click.option("--claim", default="project", show_default=True, help="Volume claim of the project.")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Machines.")
@click.pass_obj
def kuberay(
    metadata: ProjectMetadata,
    image: str,
    claim: str,
    workers: int,
    gpus: int,
    cpus: int,
    **asked: Any,
) -> None:
    """A RayJob that runs the project on Kubernetes: deploy/rayjob.yaml."""
    import yaml

    from selfscore.deployment.kuberay import ray_job

    parameters = {"machine.engine": "ray", **_workers(gpus, workers)}
    command = f"{_run(asked, parameters)} --runner=ThreadRunner"
    found = ray_job(metadata.package_name, command, image, claim, workers, gpus, cpus)
    _write(metadata, asked["folder"], "rayjob.yaml", yaml.safe_dump(found, sort_keys=False))


def _workers(gpus: int, machines: int) -> dict[str, Any]:
    """Workers on all GPUs; one training is on those of one machine, which are near each other."""
    return {
        "machine.ray.gpus": 1 if gpus else 0,
        "machine.ray.workers": machines * max(gpus, 1),
        "machine.training_processes": max(gpus, 1),
    }


def _run(asked: dict[str, Any], parameters: dict[str, Any]) -> str:
    """`kedro run` with these parameters, and with what was asked for."""
    # The last word is that of whoever asks.
    given = [*(f"{name}={value}" for name, value in parameters.items()), asked["params"][0]]
    options = {
        "pipelines": asked["pipelines"],
        "env": asked["env"],
        "conf-source": asked["conf_source"],
        "params": ",".join(filter(None, given)),
    }
    named = [f"--{name}={value}" for name, value in options.items() if value]
    return shlex.join(["kedro", "run", *named])


def _write(metadata: ProjectMetadata, folder: str, name: str, text: str) -> None:
    place = Path(metadata.project_path, folder, name)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")
    click.echo(f"Written: {Path(folder, name)}")
