"""The command `kedro promote`.

Kedro reads this file for each of its commands, so the rest is imported when this one is called.
"""

from __future__ import annotations

from contextlib import chdir
from typing import TYPE_CHECKING

import click

from selfscore.provenance.commands.shared import (
    as_click_errors,
    conf_source_option,
    env_option,
    project_of,
    show_table,
    verbose_option,
    with_options,
)

if TYPE_CHECKING:
    from kedro.framework.startup import ProjectMetadata


@click.command()
@click.argument("version", required=False)
@click.option("--alias", help="Take the version with this alias; `candidate` by default.")
@click.option("--model", help="Registered model; `registry.model` by default.")
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@with_options(env_option, conf_source_option, verbose_option)
@click.pass_obj
def promote(
    metadata: ProjectMetadata,
    version: str | None,
    alias: str | None,
    model: str | None,
    dry_run: bool,
    env: str | None,
    conf_source: str | None,
) -> None:
    """Use another version of the registered model: move its alias `champion`.

    Without VERSION, the candidate: what the last run that reported has chosen.
    """
    if version and alias:
        raise click.UsageError("Give a version or --alias, not both.")
    from mlflow.exceptions import MlflowException

    from selfscore.provenance.redaction import Redaction
    from selfscore.registry import versions
    from selfscore.tracking import server

    server.shorten_timeouts()
    redact = Redaction()
    # A relative path to a local store counts from the root.
    with as_click_errors(), chdir(metadata.project_path):
        project = project_of(metadata, env, {}, conf_source)
        name = model or project.parameters["registry"]["model"]
        if name is None:
            raise click.UsageError("This configuration registers nothing: name a --model.")
        try:
            client = server.connect(project.mlflow, project.credentials, project.path)
            plan = versions.plan_promotion(client, name, version, alias or versions.CANDIDATE)
            if not dry_run:
                versions.promote(client, plan)
        except Exception as error:
            if not (isinstance(error, MlflowException) or server.is_away(error)):
                raise
            raise click.ClickException(
                f"The model registry at {redact(server.uri_of(project.mlflow))} cannot be used "
                f"({server.reason(error, redact)})."
            ) from None
    show_table(
        ("", "version", "policy", "validation SRCC", "made by the run"),
        (
            (
                label,
                str(one.version),
                one.tags.get("policy", "?"),
                one.tags.get("validation_srcc", "not measured"),
                one.tags.get("kedro_run_id", "?"),
            )
            for label, one in (("was", plan.before), ("now", plan.after))
            if one is not None
        ),
    )
    if not plan.is_comparable:
        click.secho(
            "They were measured on different images: the figures do not compare.",
            fg="yellow",
            err=True,
        )
    now = str(plan.after.version)
    was = "none" if plan.before is None else str(plan.before.version)
    if was == now:
        click.echo(f"Version {now} is the champion of '{plan.model}' already.")
        return
    moved = "would move" if dry_run else "moved"
    click.echo(f"The champion of '{plan.model}' {moved}: {was} → {now}")
