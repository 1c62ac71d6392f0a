"""The project's own commands, where Kedro finds them; other rooms bring theirs.

Knows arguments and streams. Kedro reads this file for each of its commands, so what takes time to
import is imported when the arguments have been checked.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO

import click

from selfscore.deployment.command import deploy
from selfscore.handoff.commands import handoff
from selfscore.provenance.commands import COMMANDS

# `python -m selfscore` looks for this name here.
from selfscore.provenance.commands import run as run
from selfscore.provenance.commands.shared import (
    as_click_errors,
    env_option,
    verbose_option,
    with_options,
)
from selfscore.registry.command import promote
from selfscore.review.commands import review

if TYPE_CHECKING:
    from kedro.framework.startup import ProjectMetadata

    from selfscore.scoring import ScoredImage, Scorer

# As in selfscore.scoring.output, which takes long to import.
_FORMATS = ("table", "json", "jsonl", "csv", "tsv", "parquet", "xlsx")

_policy_options = (
    click.option(
        "--policy",
        help="A folder with a policy, or a policy of the catalog such as policy_2. By default the "
        "champion if there is one, else that of the last round.",
    ),
    click.option("--base-model", help="Where the policy's base model is, if it was moved."),
    env_option,
    verbose_option,
)


@click.group(name="selfscore")
def cli() -> None:
    """Commands of this project."""


for _command in (*COMMANDS, deploy, handoff, promote, review):
    cli.add_command(_command)


@cli.command()
@click.argument("places", metavar="PATH...", nargs=-1, required=True)
@with_options(*_policy_options)
@click.option(
    "--explain/--no-explain", default=True, show_default=True, help="Write explanations too."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    help="By default that of --output's suffix, else a table to read.",
)
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="A file instead of stdout."
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    default=16,
    show_default=True,
    help="Images in memory together. Does not change the scores.",
)
@click.pass_obj
def score(
    metadata: ProjectMetadata,
    places: tuple[str, ...],
    policy: str | None,
    base_model: str | None,
    env: str | None,
    explain: bool,
    form: str | None,
    output: Path | None,
    batch_size: int,
) -> None:
    """Score and explain images.

    PATH is an image file, a folder (with all below it) or a glob in quotes. Results go to stdout,
    everything else to stderr. The exit code is 1 when an image could not be scored.
    """
    from selfscore.running.bar import Bar
    from selfscore.scoring.output import form_of, write
    from selfscore.scoring.pictures import find_files, pictures

    try:
        files = find_files(places)
        form = form_of(output, form)
    except (FileNotFoundError, ValueError) as error:
        raise click.UsageError(str(error)) from error
    if output is not None and not output.parent.is_dir():
        raise click.UsageError(f"The folder '{output.parent}' of --output does not exist.")
    failed: list[ScoredImage] = []
    with _results_alone_on_stdout() as stdout:
        scorer = _scorer(metadata, env, policy, base_model, batch_size)
        with _opened(output, stdout) as stream:
            # On a terminal that shows the results as they come, a bar would run through them.
            hidden = stream.isatty() and form in ("jsonl", "csv", "tsv")
            results = Bar(
                scorer.score_each(pictures(files), explain),
                total=len(files),
                desc="scoring",
                unit=" images",
                disable=hidden,
            )
            write(_noting_failures(results, failed), form, stream)
    if failed:
        click.echo(
            f"{len(failed)} of {len(files)} images could not be scored, the first: "
            f"'{failed[0].name}', {failed[0].error}.",
            err=True,
        )
        sys.exit(1)


@cli.command()
@with_options(*_policy_options)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True)
@click.pass_obj
def serve(
    metadata: ProjectMetadata,
    policy: str | None,
    base_model: str | None,
    env: str | None,
    host: str,
    port: int,
) -> None:
    """Open a web page on this machine that scores and explains the image dropped on it."""
    from selfscore.local_page import server
    from selfscore.local_page.guard import LOOPBACK
    from selfscore.scoring.web import create_app

    scorer = _scorer(metadata, env, policy, base_model, batch_size=1)
    if host not in LOOPBACK:
        click.secho(
            f"Listening on {host}: whoever reaches this machine can use the page. There is no "
            "password and no encryption.",
            fg="yellow",
            err=True,
        )
    address = f"[{host}]" if ":" in host else host
    click.echo(f"Open http://{address}:{port} (Ctrl-C ends it).", err=True)
    server.serve(create_app(scorer, host), host, port)


def _scorer(
    metadata: ProjectMetadata,
    env: str | None,
    policy: str | None,
    base_model: str | None,
    batch_size: int,
) -> Scorer:
    from selfscore.provenance.project import open_project
    from selfscore.scoring import Scorer
    from selfscore.scoring.project import find_policy, load_options
    from selfscore.vlm.loading.loader import load_vlm

    with as_click_errors():
        project = open_project(metadata.project_path, env)
        found = find_policy(project, policy)
        scorer = Scorer(
            found.policy,
            found.name,
            base_model or found.base_model,
            batch_size=batch_size,
            load=partial(load_vlm, options=load_options(project)),
        )
    click.echo(f"Policy: {scorer.origin}. Scale: {scorer.origin.scale}.", err=True)
    return scorer


@contextmanager
def _results_alone_on_stdout() -> Iterator[TextIO]:
    """Stdout for the results; what libraries print and Kedro logs there goes to stderr."""
    stdout = sys.stdout
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is stdout:
            handler.setStream(sys.stderr)
    with redirect_stdout(sys.stderr):
        yield stdout


@contextmanager
def _opened(output: Path | None, stdout: TextIO) -> Iterator[BinaryIO]:
    if output is None:
        stdout.flush()
        yield stdout.buffer
    else:
        with output.open("wb") as stream:
            yield stream


def _noting_failures(
    results: Iterable[ScoredImage], failed: list[ScoredImage]
) -> Iterator[ScoredImage]:
    for result in results:
        if result.error is not None:
            failed.append(result)
        yield result
