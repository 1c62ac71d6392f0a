"""The commands `kedro stale`, `kedro plan` and `kedro prune`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
from kedro.framework.cli.utils import split_node_names, split_string

from selfscore.given_parameters import write_value
from selfscore.provenance.commands.shared import (
    as_click_errors,
    conf_source_option,
    env_option,
    in_words,
    load_versions_option,
    namespaces_option,
    nodes_option,
    params_option,
    pipelines_option,
    project_of,
    show_table,
    tags_option,
    with_options,
)

if TYPE_CHECKING:
    from kedro.framework.startup import ProjectMetadata
    from kedro.pipeline import Pipeline

    from selfscore.provenance.project import Project

# Which nodes, and of which configuration.
_ASKED = (
    pipelines_option,
    namespaces_option,
    tags_option,
    nodes_option,
    env_option,
    params_option,
    conf_source_option,
)


@dataclass(frozen=True)
class _Asked:
    """What the options `_ASKED` say."""

    pipelines: list[str]
    namespaces: list[str]
    tags: list[str]
    node_names: list[str]
    env: str | None
    params: dict[str, Any]
    conf_source: str | None

    def open(
        self,
        metadata: ProjectMetadata,
        load_versions: dict[str, str] | None = None,
        **bounds: list[str],
    ) -> tuple[Project, Pipeline]:
        """The project in this configuration, and of its nodes those asked for."""
        project = project_of(metadata, self.env, self.params, self.conf_source, load_versions)
        pipeline = project.pipeline(
            self.pipelines,
            node_namespaces=self.namespaces,
            tags=self.tags,
            node_names=self.node_names,
            **bounds,
        )
        return project, pipeline


@click.command()
@with_options(*_ASKED)
@click.option("--all", "everything", is_flag=True, help="Show what is up to date, too.")
@click.option("--check", is_flag=True, help="Exit with 1 if anything is not up to date.")
@click.pass_obj
def stale(
    metadata: ProjectMetadata,
    everything: bool,
    check: bool,
    **asked: Any,
) -> None:
    """Say which artifacts are out of date, and why.

    Compares the manifests of earlier runs with the code, the parameters and the data that there
    are now.
    """
    from selfscore.provenance.staleness import check as compare
    from selfscore.provenance.store import read_manifests

    with as_click_errors():
        project, pipeline = _Asked(**asked).open(metadata)
        verdicts = compare(project, pipeline, read_manifests(project.catalog))
    shown = [one for one in verdicts if everything or one.state != "up to date"]
    show_table(
        ("artifact", "state", "why"),
        ((one.name, one.state, "; ".join(one.reasons)) for one in shown),
    )
    counts = {one.state: 0 for one in verdicts}
    for one in verdicts:
        counts[one.state] += 1
    click.echo(", ".join(f"{count} {state}" for state, count in counts.items()) or "Nothing there.")
    if check and set(counts) - {"up to date"}:
        sys.exit(1)


@click.command()
@with_options(*_ASKED)
@click.option("--from-nodes", default="", callback=split_node_names, help="As in `kedro run`.")
@click.option("--to-nodes", default="", callback=split_node_names, help="As in `kedro run`.")
@click.option("--from-inputs", default="", callback=split_string, help="As in `kedro run`.")
@click.option("--to-outputs", default="", callback=split_string, help="As in `kedro run`.")
@with_options(load_versions_option)
@click.option(
    "--only-missing-outputs",
    "mode",
    flag_value="missing",
    type=str,
    help="The plan of `kedro run --only-missing-outputs`.",
)
@click.option(
    "--only-stale",
    "mode",
    flag_value="stale",
    type=str,
    help="Only what is missing or out of date, and what follows from it.",
)
@click.pass_obj
def plan(
    metadata: ProjectMetadata,
    from_nodes: list[str],
    to_nodes: list[str],
    from_inputs: list[str],
    to_outputs: list[str],
    load_versions: dict[str, str],
    mode: str | None,
    **options: Any,
) -> None:
    """List which nodes a run would run or skip, how long they took, and what it would load.

    Nothing is run. Times are those of the last run, without loading and saving. Without
    --only-missing-outputs or --only-stale it is the plan of a plain `kedro run`.
    """
    from selfscore.provenance.plan import plan as lay_out
    from selfscore.provenance.progress import duration
    from selfscore.provenance.staleness import check
    from selfscore.provenance.store import read_manifests

    asked = _Asked(**options)
    with as_click_errors():
        project, pipeline = asked.open(
            metadata,
            load_versions,
            from_nodes=from_nodes,
            to_nodes=to_nodes,
            from_inputs=from_inputs,
            to_outputs=to_outputs,
        )
        manifests = read_manifests(project.catalog)
        verdicts = check(project, pipeline, manifests) if mode == "stale" else []
        planned = lay_out(
            project,
            pipeline,
            mode or "all",  # type: ignore[arg-type]
            manifests,
            verdicts,
        )
    show_table(
        ("node", "", "last time", "why"),
        (
            (
                node.name,
                "run" if node.runs else "skip",
                "-" if node.seconds is None else duration(node.seconds),
                node.reason,
            )
            for node in planned
        ),
    )
    running = [node for node in planned if node.runs]
    loads = {name: version for node in running for name, version in node.loads.items()}
    versions = {name: found for name, found in loads.items() if found not in ("", "this run")}
    if versions:
        click.echo()
        show_table(
            ("would load", "version"),
            ((name, found or "NOT THERE") for name, found in sorted(versions.items())),
        )
    click.echo(f"{len(running)} nodes would run, {len(planned) - len(running)} would be skipped.")
    known = [node.seconds for node in running if node.seconds is not None]
    if known:
        never = len(running) - len(known)
        without = f", without {never} that never finished" if never else ""
        click.echo(f"Together they took {duration(sum(known))} the last time{without}.")
    if mode == "stale" and running:
        parts = ["kedro run"]
        parts += [f"--pipelines={','.join(asked.pipelines)}"] if asked.pipelines else []
        parts += [f"--env={asked.env}"] if asked.env else []
        parts += [f'--params="{",".join(_assignments(asked.params))}"'] if asked.params else []
        parts += [f"--nodes={','.join(node.name for node in running)}"]
        click.echo(f"To run them: {' '.join(parts)}")


def _assignments(params: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Parameters as they stand on a command line: `merging.density=0.4`."""
    for key, value in params.items():
        if isinstance(value, Mapping):
            yield from _assignments(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}={write_value(value)}"


@click.command()
@with_options(env_option, conf_source_option)
@click.option(
    "--keep-last",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="Newest versions of every dataset that stay in any case.",
)
@click.option(
    "--keep-runs",
    type=click.IntRange(min=1),
    help="Manifests of only so many of the newest runs count; by default all of them do.",
)
@click.option("--delete", is_flag=True, help="Delete. Without it nothing is deleted.")
@click.pass_obj
def prune(
    metadata: ProjectMetadata,
    env: str | None,
    conf_source: str | None,
    keep_last: int,
    keep_runs: int | None,
    delete: bool,
) -> None:
    """List old versions that nothing names, and delete them with --delete.

    What stays: the newest versions of every dataset, every version that a manifest names (as read
    or as written) or that going on with a run will read, and what the model registry and the
    champion name. Where one of these cannot be read, nothing is deleted.
    """
    from selfscore.provenance.registered import RegistryError, check_champion, registered
    from selfscore.provenance.retention import removals, remove
    from selfscore.provenance.store import read_every_manifest

    with as_click_errors():
        project = project_of(metadata, env, {}, conf_source)
        manifests = read_every_manifest(project.catalog)
        try:
            names = registered(project)
            check_champion(project, manifests)
        except RegistryError as error:
            raise click.ClickException(str(error)) from error
        going = removals(project, manifests, keep_last, keep_runs, names)
    show_table(
        ("dataset", "version", "size"),
        ((one.name, one.version, in_words(one.size)) for one in going),
    )
    total = in_words(sum(one.size for one in going))
    if not delete:
        click.echo(f"{len(going)} versions ({total}) may go; --delete deletes them.")
        return
    for one in going:
        remove(one)
    click.echo(f"{len(going)} versions ({total}) were deleted.")
