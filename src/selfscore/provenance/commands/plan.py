"""The command `kedro plan`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click
from kedro.framework.cli.utils import split_node_names, split_string

from selfscore.configuration.given_parameters import write_value
from selfscore.provenance.commands.asked import ASKED_OPTIONS, Asked
from selfscore.provenance.commands.shared import (
    as_click_errors,
    load_versions_option,
    show_table,
    with_options,
)

if TYPE_CHECKING:
    from kedro.framework.startup import ProjectMetadata


@click.command()
@with_options(*ASKED_OPTIONS)
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

    asked = Asked(**options)
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
