"""The commands `kedro handoff create`, `verify` and `replay`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from selfscore.provenance.commands.shared import (
    FOLDER,
    admitted_here,
    as_click_errors,
    conf_source_option,
    env_option,
    namespaces_option,
    nodes_option,
    params_option,
    project_of,
    show_table,
    tags_option,
    verbose_option,
    with_options,
)

if TYPE_CHECKING:
    from kedro.framework.startup import ProjectMetadata

    from selfscore.provenance.manifest import Manifest


@click.group()
def handoff() -> None:
    """Hand a policy or a round to somebody else, check what came, make it repeatable."""


@handoff.command()
@click.argument("name", required=False)
@click.option(
    "--output",
    "-o",
    type=FOLDER,
    required=True,
    help="A new folder, or an archive: .tar.gz or .tgz.",
)
@click.option("--version", help="Of the policy; by default the newest, or the champion's own.")
@click.option(
    "--for",
    "receiver",
    type=click.Choice(["colleague", "hub"]),
    default="colleague",
    show_default=True,
    help="hub: a folder to upload to a model hub, with its card; needs --repo and --license.",
)
@click.option("--repo", help="Of the hub: organisation/name. Nothing is uploaded.")
@click.option("--license", "licence", help="Of the adapter, as the hub writes it: apache-2.0, mit.")
@click.option("--with-data", is_flag=True, help="The round's tables go along. Images never do.")
@with_options(env_option, conf_source_option, verbose_option)
@click.pass_obj
def create(
    metadata: ProjectMetadata,
    name: str | None,
    output: Path,
    version: str | None,
    with_data: bool,
    env: str | None,
    conf_source: str | None,
    receiver: str,
    **hub: str | None,
) -> None:
    """Pack a policy (NAME policy_2) or a whole round (NAME iteration_2).

    Without NAME: the champion if there is one, else the policy of the last round.
    """
    from selfscore.handoff import create as packing
    from selfscore.provenance.store import read_manifests

    named = _named_for(receiver, with_data, **hub)
    with as_click_errors():
        project = project_of(metadata, env, {}, conf_source)
        manifests = read_manifests(project.catalog)
        if named is not None:
            with TemporaryDirectory() as place:
                packing.create(project, manifests, name, Path(place) / "handoff", version)
                _write_repository(Path(place) / "handoff", output, *named)
            return
        index = packing.create(project, manifests, name, output, version, with_data)
    click.echo(f"{index.name}, version {index.policy['version']}: '{output}'")
    click.echo(f"{len(index.files) + 1} files; the policy's digest is {index.policy['digest']}")
    click.echo(f"Tell whom you give it to the digest of the handoff: {index.digest}")


def _named_for(
    receiver: str, with_data: bool, repo: str | None, licence: str | None
) -> tuple[str, str] | None:
    """Repository and licence for a hub; None for a colleague.

    Raises:
        UsageError: an option is missing, or has no meaning for this receiver.
    """
    if receiver != "hub":
        if repo or licence:
            raise click.UsageError("--repo and --license are for a hub: add --for=hub, too.")
        return None
    if with_data:
        raise click.UsageError(
            "A hub is given the policy alone: leave out --with-data, or leave out --for=hub."
        )
    if not repo or not licence:
        raise click.UsageError(
            "--for=hub needs --repo=organisation/name and --license=…, such as apache-2.0: whose "
            "the repository is and under which terms is for you to say."
        )
    return repo, licence


def _write_repository(handoff: Path, output: Path, repo: str, licence: str) -> None:
    from selfscore.handoff.hub import write_repository

    made = write_repository(handoff, output, repo, licence)
    click.echo(f"A repository for a hub: '{output}'. Nothing was uploaded. To do so:")
    click.echo(f"  hf upload {repo} {shlex.quote(str(output))}")
    if not made.base_is_there:
        click.secho(
            "Note: the base model is a folder of this machine. Nobody can use the adapter without "
            "it: put it on the hub, too, and name it in README.md and adapter_config.json.",
            fg="yellow",
            err=True,
        )


@handoff.command()
@click.argument("path", type=FOLDER)
@verbose_option
def verify(path: Path) -> None:
    """Check a handoff, a folder or an archive, from nothing but itself. Exit code 1 if it fails."""
    from selfscore.handoff.bundle import opened, read_index
    from selfscore.handoff.verify import verify as look

    with as_click_errors(), opened(path) as folder:
        checks = look(folder)
        digest = read_index(folder).digest
    show_table(
        ("check", "", "found"),
        ((one.what, "ok" if one.passed else "FAILED", one.detail) for one in checks),
    )
    if not all(one.passed for one in checks):
        sys.exit(1)
    click.echo(f"The digest of the handoff, to compare with what its sender says: {digest}")


@handoff.command()
@click.argument("source")
@with_options(
    namespaces_option,
    tags_option,
    nodes_option,
    env_option,
    conf_source_option,
    params_option,
    verbose_option,
)
@click.option(
    "--output",
    "-o",
    type=FOLDER,
    default=Path("replay.yml"),
    show_default=True,
    help="The file for `kedro run --config`.",
)
@click.pass_obj
def replay(
    metadata: ProjectMetadata,
    source: str,
    namespaces: list[str],
    tags: list[str],
    node_names: list[str],
    env: str | None,
    conf_source: str | None,
    params: dict[str, Any],
    output: Path,
) -> None:
    """Make a run, or a part of it, repeatable: same nodes, versions and parameters.

    SOURCE is the id of a run of this project, a manifest.json, or a handoff. Nothing is run: look
    at the file, then give it to `kedro run --config`. It names only environments, pipelines, nodes
    and parameters that this project has; which model, server and registry are used stays with the
    configuration.
    """
    from selfscore.handoff import replay as again

    with as_click_errors():
        manifest = _manifest(metadata, source, env, conf_source)
        admitted = admitted_here(metadata, manifest, env, conf_source, params)
        part = again.part_of(admitted.manifest, namespaces, tags, node_names)
        config = again.run_config(part, admitted.project.environment, admitted.parameters)
        again.write_config(config, manifest.run_id, output)
        changes = [*admitted.differing, *again.changed_inputs(admitted.project, part)]
    click.echo(f"{len(part.nodes)} nodes of the run {manifest.run_id}: '{output}'")
    for change in changes:
        click.secho(f"Note: {change}.", fg="yellow", err=True)
    click.echo(f"Run it with: kedro run --config={output}")


def _manifest(
    metadata: ProjectMetadata, source: str, env: str | None, conf_source: str | None
) -> Manifest:
    from selfscore.handoff.bundle import BundleError, opened, read_index, read_manifest
    from selfscore.handoff.verify import verify as look
    from selfscore.provenance.manifest import parse_manifest
    from selfscore.provenance.store import read_manifest as of_project

    path = Path(source)
    if path.suffix == ".json" and path.is_file():
        return parse_manifest(path.read_bytes())
    if path.exists():
        with opened(path) as folder:
            failed = next((one for one in look(folder) if not one.passed), None)
            if failed is not None:
                raise BundleError(f"'{path}' does not pass verification: {failed.detail}.")
            return read_manifest(folder, read_index(folder).policy["run"])
    return of_project(project_of(metadata, env, {}, conf_source).catalog, source)
