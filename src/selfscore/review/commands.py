"""The commands `kedro review …`.

Kedro reads this file for each of its commands, so the rest is imported when one is called.
"""

from __future__ import annotations

import getpass
from contextlib import chdir
from typing import TYPE_CHECKING, Any

import click

from selfscore.provenance.commands.shared import (
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
    import pandas as pd
    from kedro.framework.startup import ProjectMetadata

    from selfscore.provenance.project import Project

# People on this machine alone read and rate here: there is no password.
_HOST = "127.0.0.1"
_options = (env_option, conf_source_option, params_option, verbose_option)
_port_option = click.option(
    "--port", type=click.IntRange(0, 65535), default=8081, show_default=True
)


@click.group()
def review() -> None:
    """Have people read what the model wrote."""


@review.command()
@click.option("--reader", help="Who reads; the name of the user by default.")
@click.option("--figures", is_flag=True, help="Only say what the labels so far come to.")
@with_options(_port_option, *_options)
@click.pass_obj
def pairs(
    metadata: ProjectMetadata,
    reader: str | None,
    figures: bool,
    port: int,
    env: str | None,
    conf_source: str | None,
    params: dict[str, Any],
) -> None:
    """Read pairs by hand: a page on this machine, four keys, and what comes of the labels."""
    from selfscore.datasets.records import is_name
    from selfscore.local_page.server import serve
    from selfscore.provenance.outside_runs import load_sealed
    from selfscore.review.web import create_app

    name = getpass.getuser() if reader is None else reader
    if "/" in name or not is_name(name):
        raise click.BadParameter(
            f"{name!r} cannot be the name of a file: use letters, digits, '-' and '_'.",
            param_hint="--reader",
        )
    with as_click_errors(), chdir(metadata.project_path):
        project = project_of(metadata, env, params, conf_source)
        table = _made_by(project, "choose_pairs")
        if table.empty:
            raise click.ClickException(
                "There are no pairs to read: no image has two different accepted texts."
            )
        labels = project.catalog.load("pair_labels")
        if not figures:
            scale = load_sealed(project, "score_scale")
            images = project.catalog.load("raw_images")
            app = create_app(table, images, labels, name, scale["levels"] - 1, _HOST)
            click.echo(f"Open http://{_HOST}:{port} (Ctrl-C ends it).", err=True)
            serve(app, _HOST, port)
        _show_figures(_made_by(project, "measure_reading", pairs_to_read=table)[1])


def _made_by(project: Project, node: str, **given: Any) -> Any:
    """What a node of the pipeline `review` would make now, without a run.

    Args:
        project: with what earlier runs made.
        node: its name.
        given: inputs that are not taken from the catalog.
    """
    from selfscore.provenance.outside_runs import load_sealed

    found = project.pipeline(["review"]).only_nodes(node).nodes[0]
    missing = [name for name in found.inputs if not _is_there(project, name, given)]
    if missing:
        raise click.ClickException(
            f"There is no `{missing[0]}` yet. Run `kedro run --pipelines=iteration` first, with "
            "the same --env and --params."
        )
    inputs = {name: given.get(name) for name in found.inputs if name in given}
    inputs |= {name: load_sealed(project, name) for name in found.inputs if name not in given}
    made = list(found.run(inputs).values())
    return made[0] if len(made) == 1 else made


def _is_there(project: Project, name: str, given: dict[str, Any]) -> bool:
    # Labels are there as soon as the first one is.
    return name in given or name == "pair_labels" or project.catalog.exists(name)


def _show_figures(figures: pd.DataFrame) -> None:
    from selfscore.metrics.catalog import metric
    from selfscore.report.tables import records

    if figures.empty:
        click.echo("No pair is labelled yet.")
        return
    show_table(
        ("of", "figure", "value", "interval", "n"),
        (
            (
                row["of"],
                metric(row["metric"]).title,
                f"{row['value']:.2f}",
                f"{row['low']:.2f} to {row['high']:.2f}",
                str(row["n"]),
            )
            for row in records(figures)
        ),
    )
