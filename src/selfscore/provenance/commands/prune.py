"""The command `kedro prune`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from selfscore.provenance.commands.shared import (
    as_click_errors,
    conf_source_option,
    env_option,
    in_words,
    project_of,
    show_table,
    verbose_option,
    with_options,
)

if TYPE_CHECKING:
    from kedro.framework.startup import ProjectMetadata


@click.command()
@with_options(env_option, conf_source_option, verbose_option)
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
    from selfscore.provenance.registered import registered
    from selfscore.provenance.retention import removals, remove
    from selfscore.provenance.store import read_every_manifest

    with as_click_errors():
        project = project_of(metadata, env, {}, conf_source)
        manifests = read_every_manifest(project.catalog)
        names = registered(project, manifests)
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
