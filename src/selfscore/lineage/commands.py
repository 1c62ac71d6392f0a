"""The commands `kedro handoff`, `stale`, `plan` and `prune`.

Knows arguments, tables and exit codes. Kedro reads this file for each of its commands, so the rest
is imported when one of these is called.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from kedro.framework.cli.utils import (
    _split_load_versions,
    _split_params,
    split_node_names,
    split_string,
)

if TYPE_CHECKING:
    from kedro.framework.startup import ProjectMetadata

    from selfscore.lineage.manifest import Manifest
    from selfscore.lineage.project import Project

_FOLDER = click.Path(path_type=Path)

_env = click.option("--env", "-e", help="Kedro configuration environment.")
_conf_source = click.option("--conf-source", help="Folder of the configuration.")
_params = click.option(
    "--params", default="", callback=_split_params, help="Parameters, as in `kedro run`."
)
_pipelines = click.option(
    "--pipelines",
    default="",
    callback=split_string,
    help="Registered pipelines, as in `kedro run`.",
)
_namespaces = click.option(
    "--namespaces", "-ns", default="", callback=split_node_names, help="Only these namespaces."
)
_tags = click.option("--tags", "-t", default="", callback=split_string, help="Only these tags.")
_nodes = click.option(
    "--nodes", "-n", "node_names", default="", callback=split_node_names, help="Only these nodes."
)


def _with(*options: Any) -> Any:
    def add(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return add


@click.command()
@_with(_pipelines, _namespaces, _tags, _nodes, _env, _params, _conf_source)
@click.option("--all", "everything", is_flag=True, help="Show what is up to date, too.")
@click.option("--check", is_flag=True, help="Exit with 1 if anything is not up to date.")
@click.pass_obj
def stale(
    metadata: ProjectMetadata,
    pipelines: list[str],
    namespaces: list[str],
    tags: list[str],
    node_names: list[str],
    env: str | None,
    params: dict[str, Any],
    conf_source: str | None,
    everything: bool,
    check: bool,
) -> None:
    """Say which artifacts are out of date, and why.

    Compares the manifests of earlier runs with the code, the parameters and the data that there
    are now.
    """
    from selfscore.lineage.staleness import check as compare
    from selfscore.lineage.store import read_manifests

    with _told():
        project = _project(metadata, env, params, conf_source)
        pipeline = project.pipeline(
            pipelines, node_namespaces=namespaces, tags=tags, node_names=node_names
        )
        verdicts = compare(project, pipeline, read_manifests(project.catalog))
    shown = [one for one in verdicts if everything or one.state != "up to date"]
    _table(
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
@_with(_pipelines, _namespaces, _tags, _nodes, _env, _params, _conf_source)
@click.option("--from-nodes", default="", callback=split_node_names, help="As in `kedro run`.")
@click.option("--to-nodes", default="", callback=split_node_names, help="As in `kedro run`.")
@click.option("--from-inputs", default="", callback=split_string, help="As in `kedro run`.")
@click.option("--to-outputs", default="", callback=split_string, help="As in `kedro run`.")
@click.option(
    "--load-versions", "-lv", default="", callback=_split_load_versions, help="As in `kedro run`."
)
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
    pipelines: list[str],
    namespaces: list[str],
    tags: list[str],
    node_names: list[str],
    env: str | None,
    params: dict[str, Any],
    conf_source: str | None,
    from_nodes: list[str],
    to_nodes: list[str],
    from_inputs: list[str],
    to_outputs: list[str],
    load_versions: dict[str, str],
    mode: str | None,
) -> None:
    """List which nodes a run would run or skip, and which versions it would load.

    Nothing is run. Without --only-missing-outputs or --only-stale it is the plan of a plain
    `kedro run`.
    """
    from selfscore.lineage.plan import plan as lay_out
    from selfscore.lineage.staleness import check
    from selfscore.lineage.store import read_manifests

    with _told():
        project = _project(metadata, env, params, conf_source, load_versions)
        pipeline = project.pipeline(
            pipelines,
            node_namespaces=namespaces,
            tags=tags,
            node_names=node_names,
            from_nodes=from_nodes,
            to_nodes=to_nodes,
            from_inputs=from_inputs,
            to_outputs=to_outputs,
        )
        verdicts = (
            check(project, pipeline, read_manifests(project.catalog)) if mode == "stale" else []
        )
        planned = lay_out(project, pipeline, mode or "all", verdicts)  # type: ignore[arg-type]
    _table(
        ("node", "", "why"),
        ((node.name, "run" if node.runs else "skip", node.reason) for node in planned),
    )
    running = [node for node in planned if node.runs]
    loads = {name: version for node in running for name, version in node.loads.items()}
    versions = {name: found for name, found in loads.items() if found not in ("", "this run")}
    if versions:
        click.echo()
        _table(
            ("would load", "version"),
            ((name, found or "NOT THERE") for name, found in sorted(versions.items())),
        )
    click.echo(f"{len(running)} nodes would run, {len(planned) - len(running)} would be skipped.")
    if mode == "stale" and running:
        parts = ["kedro run"]
        parts += [f"--pipelines={','.join(pipelines)}"] if pipelines else []
        parts += [f"--env={env}"] if env else []
        parts += [f'--params="{",".join(_assignments(params))}"'] if params else []
        parts += [f"--nodes={','.join(node.name for node in running)}"]
        click.echo(f"To run them: {' '.join(parts)}")


def _assignments(params: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Parameters as they stand on a command line: `merging.density=0.4`."""
    for key, value in params.items():
        if isinstance(value, Mapping):
            yield from _assignments(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}={value}"


@click.command()
@_with(_env, _conf_source)
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
    or as written), and what the model registry and the champion name.
    """
    from selfscore.lineage.registry import RegistryError, registered
    from selfscore.lineage.retention import Retention, removals, remove
    from selfscore.lineage.store import read_manifests

    with _told():
        project = _project(metadata, env, {}, conf_source)
        try:
            names = registered(project)
        except RegistryError as error:
            raise click.ClickException(str(error)) from error
        going = removals(
            project, read_manifests(project.catalog), Retention(keep_last, keep_runs), names
        )
    _table(
        ("dataset", "version", "size"),
        ((one.name, one.version, _size(one.size)) for one in going),
    )
    total = _size(sum(one.size for one in going))
    if not delete:
        click.echo(f"{len(going)} versions ({total}) may go; --delete deletes them.")
        return
    for one in going:
        remove(one)
    click.echo(f"{len(going)} versions ({total}) were deleted.")


@click.group()
def handoff() -> None:
    """Hand a policy or a round to somebody else, check what came, run it again."""


@handoff.command()
@click.argument("name", required=False)
@click.option(
    "--output",
    "-o",
    type=_FOLDER,
    required=True,
    help="A new folder, or an archive: .tar.gz, .tgz or .zip.",
)
@click.option("--version", help="Of the policy; the newest by default.")
@click.option("--with-data", is_flag=True, help="The round's tables go along. Images never do.")
@_with(_env, _conf_source)
@click.pass_obj
def create(
    metadata: ProjectMetadata,
    name: str | None,
    output: Path,
    version: str | None,
    with_data: bool,
    env: str | None,
    conf_source: str | None,
) -> None:
    """Pack a policy (NAME policy_2) or a whole round (NAME iteration_2).

    Without NAME: the champion if there is one, else the policy of the last round.
    """
    from selfscore.lineage import handoff as packing
    from selfscore.lineage.store import read_manifests

    with _told():
        project = _project(metadata, env, {}, conf_source)
        manifests = read_manifests(project.catalog)
        index = packing.create(project, manifests, name, output, version, with_data)
    click.echo(f"{index.name}, version {index.policy['version']}: '{output}'")
    click.echo(f"{len(index.files) + 1} files; the policy's digest is {index.policy['digest']}")


@handoff.command()
@click.argument("path", type=_FOLDER)
def verify(path: Path) -> None:
    """Check a handoff, a folder or an archive, from nothing but itself. Exit code 1 if it fails."""
    from selfscore.lineage.bundle import opened
    from selfscore.lineage.verification import verify as look

    with _told(), opened(path) as folder:
        checks = look(folder)
    _table(
        ("check", "", "found"),
        ((one.what, "ok" if one.passed else "FAILED", one.detail) for one in checks),
    )
    if not all(one.passed for one in checks):
        sys.exit(1)


@handoff.command()
@click.argument("source")
@_with(_namespaces, _tags, _nodes, _env, _conf_source)
@click.option(
    "--output",
    "-o",
    type=_FOLDER,
    default=Path("replay.yml"),
    show_default=True,
    help="The file for `kedro run --config`.",
)
@click.option("--run", "run_it", is_flag=True, help="Run it, and compare the results.")
@click.pass_obj
def replay(
    metadata: ProjectMetadata,
    source: str,
    namespaces: list[str],
    tags: list[str],
    node_names: list[str],
    env: str | None,
    conf_source: str | None,
    output: Path,
    run_it: bool,
) -> None:
    """Make a run, or a part of it, repeatable: same nodes, versions and parameters.

    SOURCE is the id of a run of this project, a manifest.json, or a handoff. With --run the part
    is run into versions of its own, and every artifact is compared; exit code 1 if one differs.
    """
    from selfscore.lineage import replay as again

    with _told():
        manifest = _manifest(metadata, source, env, conf_source)
        part = again.part_of(manifest, namespaces, tags, node_names)
        again.write_config(part, output)
        click.echo(f"{len(part.nodes)} nodes of the run {manifest.run_id}: '{output}'")
        name = env or manifest.environment.get("name")
        project = _project(metadata, name, again.run_config(part)["run"]["params"], conf_source)
        if not run_it:
            for change in again.changed_inputs(project, part):
                click.secho(f"Now {change}.", fg="yellow", err=True)
            click.echo(f"Run it with: kedro run --config={output}")
            return
        compared = again.compare(part, again.run_again(project, part, output))
    _table(
        ("artifact", "", "then", "now"),
        (
            (one.name, "equal" if one.equal else "DIFFERS", one.before[:12], (one.now or "-")[:12])
            for one in compared
        ),
    )
    differing = sum(not one.equal for one in compared)
    click.echo(f"{len(compared) - differing} equal, {differing} different.")
    if differing:
        sys.exit(1)


def _manifest(
    metadata: ProjectMetadata, source: str, env: str | None, conf_source: str | None
) -> Manifest:
    import json

    from selfscore.lineage.bundle import opened, read_index, read_manifest
    from selfscore.lineage.manifest import ManifestError, from_record
    from selfscore.lineage.store import read_manifest as of_project

    path = Path(source)
    if path.suffix == ".json" and path.is_file():
        try:
            return from_record(json.loads(path.read_text(encoding="utf-8")))
        except json.JSONDecodeError as error:
            raise ManifestError(f"'{path}' is not JSON: {error}.") from error
    if path.exists():
        with opened(path) as folder:
            return read_manifest(folder, read_index(folder).policy["run"])
    return of_project(_project(metadata, env, {}, conf_source).catalog, source)


def _project(
    metadata: ProjectMetadata,
    env: str | None,
    params: dict[str, Any],
    conf_source: str | None,
    load_versions: dict[str, str] | None = None,
) -> Project:
    from selfscore.lineage.project import open_project

    return open_project(metadata.project_path, env, params, load_versions, conf_source)


@contextmanager
def _told() -> Iterator[None]:
    """What the user can put right is one message, without a traceback."""
    from kedro.io import DatasetError

    try:
        yield
    except (ValueError, LookupError, OSError, DatasetError) as error:
        raise click.ClickException(str(error)) from error


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    """Columns side by side; nothing if there are no rows."""
    lines = list(rows)
    if not lines:
        return
    widths = [max(len(line[place]) for line in [head, *lines]) for place in range(len(head))]
    for line in (head, *lines):
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())


def _size(size: int) -> str:
    """Bytes in words: "1.2 MB"."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} B"


COMMANDS = (handoff, plan, prune, stale)
