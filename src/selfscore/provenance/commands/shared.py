"""Arguments, tables and messages that the commands share."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

# Kedro's reader of --load-versions has no public name: only this file uses it.
from kedro.framework.cli.utils import (
    KedroCliError,
    _split_load_versions,
    split_node_names,
    split_string,
)

from selfscore.configuration.given_parameters import read_params

if TYPE_CHECKING:
    from kedro.framework.startup import ProjectMetadata

    from selfscore.provenance.admission import Admitted
    from selfscore.provenance.manifest import Manifest
    from selfscore.provenance.project import Project

FOLDER = click.Path(path_type=Path)
_VERBOSE = "selfscore.verbose"


def _keep(context: click.Context, _option: click.Parameter, value: bool) -> None:
    context.meta[_VERBOSE] = value


verbose_option = click.option(
    "--verbose",
    "-v",
    is_flag=True,
    expose_value=False,
    callback=_keep,
    help="Show the traceback of every error, too.",
)


def plainly(callback: Any) -> Any:
    """One of Kedro's readers of options, whose errors are those of click: a sentence."""

    @wraps(callback)
    def read(*arguments: Any) -> Any:
        try:
            return callback(*arguments)
        except KedroCliError as error:
            raise click.BadParameter(error.message) from error

    return read


env_option = click.option("--env", "-e", help="Kedro configuration environment.")
conf_source_option = click.option("--conf-source", help="Folder of the configuration.")
params_option = click.option(
    "--params", default="", callback=read_params, help="Parameters, as in `kedro run`."
)
load_versions_option = click.option(
    "--load-versions",
    "-lv",
    default="",
    callback=plainly(_split_load_versions),
    help="As in `kedro run`.",
)
pipelines_option = click.option(
    "--pipelines",
    default="",
    callback=split_string,
    help="Registered pipelines, as in `kedro run`.",
)
namespaces_option = click.option(
    "--namespaces", "-ns", default="", callback=split_node_names, help="Only these namespaces."
)
tags_option = click.option(
    "--tags", "-t", default="", callback=split_string, help="Only these tags."
)
nodes_option = click.option(
    "--nodes", "-n", "node_names", default="", callback=split_node_names, help="Only these nodes."
)


def with_options(*options: Any) -> Any:
    """Decorator that gives a command these options, in this order."""

    def add(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def project_of(
    metadata: ProjectMetadata,
    env: str | None,
    params: dict[str, Any],
    conf_source: str | None,
    load_versions: dict[str, str] | None = None,
) -> Project:
    """The project as a run with these arguments would find it."""
    from selfscore.provenance.project import open_project

    return open_project(metadata.project_path, env, params, load_versions, conf_source)


def admitted_here(
    metadata: ProjectMetadata,
    manifest: Manifest,
    env: str | None,
    conf_source: str | None,
    params: dict[str, Any],
) -> Admitted:
    """What this project takes of a manifest.

    Args:
        metadata: of the project.
        manifest: of a run, from wherever.
        env: where the user named it; None for the run's.
        conf_source: where the user named it.
        params: given by the user.
    """
    from kedro.framework.project import settings

    from selfscore.provenance.admission import admit

    return admit(
        manifest,
        lambda name, values: project_of(metadata, name, values, conf_source),
        Path(conf_source or metadata.project_path / settings.CONF_SOURCE),
        conf_source,
        env,
        params,
    )


@contextmanager
def as_click_errors() -> Iterator[None]:
    """What the user can put right is one message, without a traceback unless it is asked for."""
    from kedro.io import DatasetError

    try:
        yield
    except (ValueError, LookupError, OSError, DatasetError) as error:
        show_traceback()
        raise click.ClickException(str(error)) from error


def show_traceback() -> None:
    """That of the error at hand, if the command was called with --verbose."""
    context = click.get_current_context(silent=True)
    if context is not None and context.meta.get(_VERBOSE):
        click.secho(traceback.format_exc(), err=True, nl=False)


def show_table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    """Columns side by side; nothing if there are no rows."""
    lines = list(rows)
    if not lines:
        return
    widths = [max(len(line[place]) for line in [head, *lines]) for place in range(len(head))]
    for line in (head, *lines):
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())


def in_words(size: int) -> str:
    """Bytes in words: "1.2 MB"."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} B"
