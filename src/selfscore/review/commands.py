"""The commands `kedro review …`.

Kedro reads this file for each of its commands, so the rest is imported when one is called.
"""

from __future__ import annotations

import getpass
from contextlib import chdir
from pathlib import Path
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
_LABELS, _ANSWERS = "pair_labels", "study_answers"
_NEXT = "What they come to: kedro run --pipelines=study --nodes=measure_study"
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
        labels = _loaded(project, _LABELS, "review")
        if not figures:
            scale = _loaded(project, "score_scale", "iteration")
            images = project.catalog.load("raw_images")
            app = create_app(table, images, labels, name, scale["levels"] - 1, _HOST)
            click.echo(f"Open http://{_HOST}:{port} (Ctrl-C ends it).", err=True)
            serve(app, _HOST, port)
        _show_figures(_made_by(project, "measure_reading", pairs_to_read=table)[1])


@review.command()
@with_options(_port_option, *_options)
@click.pass_obj
def study(
    metadata: ProjectMetadata,
    port: int,
    env: str | None,
    conf_source: str | None,
    params: dict[str, Any],
) -> None:
    """Rate on a page of this machine: what `kedro run --pipelines=study` made."""
    from selfscore.local_page.server import serve
    from selfscore.study.answers import tabulate
    from selfscore.study.web import create_app

    with as_click_errors(), chdir(metadata.project_path):
        project = project_of(metadata, env, params, conf_source)
        page, items, answers = (
            _loaded(project, name, "study") for name in ("study_page", "study_items", _ANSWERS)
        )
        click.echo(f"Open http://{_HOST}:{port} (Ctrl-C ends it).", err=True)
        serve(create_app(page, items, answers, _HOST), _HOST, port)
        count = tabulate(answers, items)["rater"].nunique()
    click.echo(f"{count} raters answered. {_NEXT}")


@review.command(name="import")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@with_options(*_options)
@click.pass_obj
def import_answers(
    metadata: ProjectMetadata,
    files: tuple[Path, ...],
    env: str | None,
    conf_source: str | None,
    params: dict[str, Any],
) -> None:
    """Take the answers that raters sent.

    FILES are those that the study's page saves, or exports of Label Studio (JSON).
    """
    from selfscore.study.answers import keep
    from selfscore.study.sent_files import read_answers

    with as_click_errors():
        found = [(file, answers) for file in files for answers in read_answers(file)]
        with chdir(metadata.project_path):
            project = project_of(metadata, env, params, conf_source)
            items = _loaded(project, "study_items", "study")
            kept = _loaded(project, _ANSWERS, "study")
            for file, answers in found:
                record = keep(answers, kept, items)
                click.echo(f"{answers.rater}: {len(record['answers'])} answers ('{file}').")
    click.echo(_NEXT)


def _made_by(project: Project, node: str, **given: Any) -> Any:
    """What a node of the pipeline `review` would make now, without a run.

    Args:
        project: with what earlier runs made.
        node: its name.
        given: inputs that are not taken from the catalog.
    """
    found = project.pipeline(["review"]).only_nodes(node).nodes[0]
    inputs = {
        name: given[name] if name in given else _loaded(project, name, "iteration")
        for name in found.inputs
    }
    made = list(found.run(inputs).values())
    return made[0] if len(made) == 1 else made


def _loaded(project: Project, name: str, pipeline: str) -> Any:
    """A dataset, or which pipeline makes it. What people say is there before the first word."""
    from selfscore.provenance.outside_runs import load_sealed

    if name not in (_LABELS, _ANSWERS) and not project.catalog.exists(name):
        raise click.ClickException(
            f"There is no `{name}` yet. Run `kedro run --pipelines={pipeline}` first, with the "
            "same --env and --params."
        )
    return load_sealed(project, name)


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
