"""Runs a part of a run again, with the same versions and parameters, and compares the results."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from selfscore.datasets.directory import MARKER, write_directory
from selfscore.provenance.base_model import describe_base_model
from selfscore.provenance.fingerprint import fingerprint
from selfscore.provenance.manifest import Artifact, Manifest, NodeRun
from selfscore.provenance.places import Place, is_growing, is_versioned, place_of
from selfscore.provenance.project import Project
from selfscore.provenance.resumption import run_parameters
from selfscore.provenance.store import read_manifests

# Without these a result cannot be expected to have the same bits.
_THREADS = ("MKL_NUM_THREADS", "OMP_NUM_THREADS", "PYTHONHASHSEED")


class ReplayError(ValueError):
    """A part of a run that cannot be run again."""


@dataclass(frozen=True)
class Part:
    """The nodes of a run that are to be run again.

    Attributes:
        manifest: the run.
        nodes: in its order, all of them finished.
        inputs: what they read and do not make themselves.
        outputs: what they made.
    """

    manifest: Manifest
    nodes: list[NodeRun]
    inputs: list[Artifact]
    outputs: list[Artifact]


@dataclass(frozen=True)
class Comparison:
    """One artifact, then and now.

    Attributes:
        name: dataset.
        equal: whether its files are the same to the bit; of a policy, whether its digest is.
        before: sha256 or digest.
        now: sha256 or digest; None if it was not made.
    """

    name: str
    equal: bool
    before: str
    now: str | None


def part_of(
    manifest: Manifest,
    namespaces: Iterable[str] = (),
    tags: Iterable[str] = (),
    nodes: Iterable[str] = (),
) -> Part:
    """The finished nodes of a run, or some of them.

    Args:
        manifest: the run.
        namespaces: if given, only nodes in these or below them.
        tags: if given, only nodes with one of these.
        nodes: if given, only the nodes with these names.

    Raises:
        ReplayError: no node is left.
    """
    namespaces, tags, nodes = tuple(namespaces), set(tags), set(nodes)
    chosen = [
        node
        for node in manifest.nodes
        if node.status == "finished"
        and (not nodes or node.name in nodes)
        and (not tags or tags & set(node.tags))
        and (not namespaces or any(_is_in(node.namespace, space) for space in namespaces))
    ]
    unknown = nodes - {node.name for node in chosen}
    if not chosen or unknown:
        what = f"'{sorted(unknown)[0]}'" if unknown else "such a node"
        raise ReplayError(f"The run {manifest.run_id} did not finish {what}.")
    made = {name for node in chosen for name in node.outputs}
    read = dict.fromkeys(name for node in chosen for name in node.inputs if name not in made)
    return Part(
        manifest,
        chosen,
        [manifest.artifacts[name] for name in read if name in manifest.artifacts],
        [manifest.artifacts[name] for name in manifest.made if name in made],
    )


def run_config(part: Part) -> dict[str, Any]:
    """What `kedro run --config` takes: the same nodes, versions and parameters."""
    manifest = part.manifest
    config: dict[str, Any] = {
        "pipelines": ",".join(manifest.command.get("pipeline_names") or ["__default__"]),
        "node_names": ",".join(node.name for node in part.nodes),
        "params": run_parameters(manifest, part.nodes),
    }
    if manifest.environment.get("name"):
        config["env"] = manifest.environment["name"]
    versions = {one.name: one.version for one in part.inputs if one.version is not None}
    if versions:
        config["load_versions"] = ",".join(f"{name}:{value}" for name, value in versions.items())
    return {"run": config}


def write_config(part: Part, path: Path) -> None:
    """Write the file for `kedro run --config`."""
    head = f"# The run {part.manifest.run_id} again: kedro run --config={path.name}\n"
    text = yaml.safe_dump(run_config(part), sort_keys=False, allow_unicode=True, width=100)
    path.write_text(head + text, encoding="utf-8")


def changed_inputs(project: Project, part: Part) -> list[str]:
    """What the part would read that is not what it was, in words."""
    changed = []
    for artifact in part.inputs:
        if is_growing(artifact.name):
            continue
        place = place_of(project.catalog[artifact.name], artifact.version)
        try:
            sha256 = fingerprint(place, {artifact.stamp: artifact.sha256}).sha256 if place else None
        except FileNotFoundError:
            sha256 = None
        if sha256 is None:
            version = f" version {artifact.version}" if artifact.version else ""
            changed.append(f"'{artifact.name}'{version} is not there")
        elif sha256 != artifact.sha256:
            changed.append(f"'{artifact.name}' is not what it was")
    before = part.manifest.base_model
    now = describe_base_model(part.manifest.parameters, project.path, before)
    if now.get("sha256") != before.get("sha256"):
        changed.append(f"the files of the base model '{before.get('id')}' are not what they were")
    return changed


def run_again(project: Project, part: Part, config: Path) -> Manifest:
    """Run the part, and give the manifest of that run.

    The results get a version of their own. What has no versions is put back as it was.

    Raises:
        ReplayError: the run failed.
    """
    changed = changed_inputs(project, part)
    if changed:
        raise ReplayError(
            f"The run {part.manifest.run_id} cannot be replayed here: {'; '.join(changed)}. Bring "
            "back what it read, or choose a part that does not read it."
        )
    threads = {
        name: value
        for name, value in part.manifest.environment.get("variables", {}).items()
        if name in _THREADS
    }
    with _kept(project, [one.name for one in part.outputs]):
        process = subprocess.Popen(
            [sys.executable, "-m", "kedro", "run", f"--config={config.absolute()}"],
            cwd=project.path,
            env={**os.environ, **threads},
        )
        if process.wait():
            raise ReplayError(f"`kedro run --config={config}` failed, see above.")
    for manifest in read_manifests(project.catalog):
        if manifest.environment.get("process") == process.pid:
            return manifest
    raise ReplayError("The run left no manifest: the catalog of its environment has no `manifest`.")


def compare(part: Part, again: Manifest) -> list[Comparison]:
    """Every artifact that the part made, then and now."""
    found = []
    for artifact in part.outputs:
        other = again.made.get(artifact.name)
        before = artifact.digest or artifact.sha256
        now = (other.digest or other.sha256) if other else None
        found.append(Comparison(artifact.name, before == now, before, now))
    return found


@contextmanager
def _kept(project: Project, names: list[str]) -> Iterator[None]:
    """Puts back what has no versions, if it is another afterwards."""
    places = {
        name: place
        for name in names
        if not is_versioned(project.catalog[name])
        and (place := place_of(project.catalog[name])) is not None
        and place.file_system.exists(place.path)
    }
    with tempfile.TemporaryDirectory() as folder:
        kept = {name: Path(folder) / str(number) for number, name in enumerate(places)}
        before = {name: fingerprint(place).sha256 for name, place in places.items()}
        for name, place in places.items():
            place.file_system.get(place.path, str(kept[name]), recursive=_is_folder(place))
        try:
            yield
        finally:
            for name, place in places.items():
                if _sha256(place) != before[name]:
                    _put_back(place, kept[name])


def _put_back(place: Place, kept: Path) -> None:
    if (kept / MARKER).is_file():
        # The marker is written anew, as the last.
        ignored = shutil.ignore_patterns(MARKER)
        write_directory(
            place.file_system,
            place.path,
            lambda folder: _copy_tree(kept, folder, ignored),
        )
    elif kept.is_dir():
        place.file_system.rm(place.path, recursive=True)
        place.file_system.put(str(kept), place.path, recursive=True)
    else:
        place.file_system.put_file(str(kept), place.path)


def _copy_tree(source: Path, target: Path, ignored: Any) -> None:
    shutil.copytree(source, target, dirs_exist_ok=True, ignore=ignored)


def _sha256(place: Place) -> str | None:
    try:
        return fingerprint(place).sha256
    except FileNotFoundError:
        return None


def _is_folder(place: Place) -> bool:
    return bool(place.file_system.isdir(place.path))


def _is_in(namespace: str | None, above: str) -> bool:
    return namespace is not None and f"{namespace}.".startswith(f"{above}.")
