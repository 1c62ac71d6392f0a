"""The command `kedro resume`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from selfscore.provenance.commands.run import friendly_exit
from selfscore.provenance.commands.shared import (
    admitted_here,
    as_click_errors,
    conf_source_option,
    env_option,
    params_option,
    project_of,
    show_table,
    verbose_option,
    with_options,
)

if TYPE_CHECKING:
    from kedro.framework.startup import ProjectMetadata

    from selfscore.provenance.admission import Admitted
    from selfscore.provenance.manifest import Manifest
    from selfscore.provenance.project import Project
    from selfscore.provenance.resumption import Rest


@click.command()
@click.option("--run", "run_id", help="Id of the run; by default the newest that did not finish.")
@with_options(env_option, conf_source_option, params_option, verbose_option)
@click.option("--dry-run", is_flag=True, help="List the nodes that would run, and run nothing.")
@click.pass_obj
def resume(
    metadata: ProjectMetadata,
    run_id: str | None,
    env: str | None,
    conf_source: str | None,
    params: dict[str, Any],
    dry_run: bool,
) -> None:
    """Go on with a run that was killed, stopped, or failed.

    Runs the nodes that did not finish, those whose results are damaged, and all that was made of
    images, scores or a base model that changed since; with the parameters and the versions of that
    run. A node that keeps its work in progress goes on with it. Which
    model, server and registry are used is never taken from a manifest: name with --params and
    --conf-source again what the run was given of that kind.
    """
    with as_click_errors():
        last, rest, admitted = _left(metadata, run_id, env, conf_source, params)
    for change in rest.changed if rest else []:
        click.secho(f"Note: {change}.", fg="yellow", err=True)
    if rest is None or admitted is None:
        click.echo(f"The run {last.run_id} finished: nothing is left to do.")
        return
    if rest.reasons:
        click.echo(f"Of the run {rest.manifest.run_id}, {len(rest.reasons)} nodes are left.")
    else:
        click.echo(
            f"All nodes of the run {rest.manifest.run_id} finished. Its end is left: the champion "
            "is registered, and the tracked run closed."
        )
    shown = {name: why for name, why in rest.reasons.items() if dry_run or name in rest.remarkable}
    show_table(("node", "why"), shown.items())
    if not dry_run:
        with friendly_exit():
            _go_on(metadata, rest, last, admitted, conf_source)


def _left(
    metadata: ProjectMetadata,
    run_id: str | None,
    env: str | None,
    conf_source: str | None,
    params: dict[str, Any],
) -> tuple[Manifest, Rest | None, Admitted | None]:
    """The last run that counts, and what is left of it; None if it finished."""
    from selfscore.configuration.layout import merged
    from selfscore.provenance.admission import RefusedError
    from selfscore.provenance.begun_here import recall, run_ids
    from selfscore.provenance.resumption import ResumptionError, last_run, rest_of, whole_run
    from selfscore.provenance.store import read_manifests, unended

    project = project_of(metadata, env, {}, conf_source)
    manifests = read_manifests(project.catalog)
    own, open_runs = run_ids(project.scratch), unended(project.catalog, manifests)
    last = last_run(manifests, run_id, own, open_runs)
    if last.status == "running":
        raise ResumptionError(
            f"The run {last.run_id} is still going on, in process "
            f"{last.environment.get('process')}."
        )
    if last.status == "finished" and last.run_id not in open_runs:
        return last, None, None
    if run_id is None and last.run_id not in own and not _tells_who_lives(project):
        raise ResumptionError(
            f"The run {last.run_id} was not begun here, and in a store nobody can tell whether it "
            f"is still going on. If it is not, go on with: kedro resume --run={last.run_id}"
        )
    given = merged(recall(project.scratch, last.run_id), params)
    admitted = admitted_here(metadata, whole_run(last, manifests), None, conf_source, given)
    if admitted.differing:
        raise RefusedError(
            f"The parameter {admitted.differing[0]}, and a manifest does not say which model, "
            "server or registry is used: give it with --params, or set it in the configuration."
        )
    return last, rest_of(admitted.project, admitted.manifest), admitted


def _tells_who_lives(project: Project) -> bool:
    """Whether manifests are on a disk of this machine, where a run that goes on is seen."""
    from selfscore.provenance.places import versions_folder
    from selfscore.provenance.store import DATASET

    return versions_folder(project.catalog[DATASET]).is_local


def _go_on(
    metadata: ProjectMetadata, rest: Rest, last: Manifest, admitted: Admitted, source: str | None
) -> None:
    from kedro.framework.project import settings

    from selfscore.provenance.admission import runner_of
    from selfscore.provenance.resumption import run_arguments

    _take_threads(rest.manifest.environment.get("variables", {}))
    with settings.SESSION_CLASS.create(
        metadata.project_path,
        env=admitted.project.environment,
        conf_source=source,
        runtime_params=admitted.parameters,
    ) as session:
        if not rest.reasons:
            session.end(last.run_id)
            return
        session.run(runner=runner_of(rest.manifest)(), resumes=last.run_id, **run_arguments(rest))


def _take_threads(variables: dict[str, str]) -> None:
    """Results depend on the number of threads in their last bits."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        before, now = variables.get(name), os.environ.get(name)
        if now is None and str(before).isdecimal():
            os.environ[name] = str(before)
        elif now != before:
            click.secho(
                f"Note: {name} was {before or 'not set'} and is {now} now, so the results may "
                "differ in their last bits from those of a run that was never stopped.",
                fg="yellow",
                err=True,
            )
