"""The command `kedro stale`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from selfscore.provenance.commands.asked import ASKED_OPTIONS, Asked
from selfscore.provenance.commands.shared import as_click_errors, show_table, with_options

if TYPE_CHECKING:
    from kedro.framework.startup import ProjectMetadata


@click.command()
@with_options(*ASKED_OPTIONS)
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
        project, pipeline = Asked(**asked).open(metadata)
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
