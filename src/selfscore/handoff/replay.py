"""Writes down how a part of a run is run again: the same nodes, versions and parameters.

Runs nothing. What is written names only what this project has, see `provenance/admission.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from selfscore.provenance.base_model import describe_base_model
from selfscore.provenance.fingerprint import fingerprint
from selfscore.provenance.manifest import Artifact, Manifest, NodeRun
from selfscore.provenance.places import is_growing, place_of
from selfscore.provenance.project import Project


class ReplayError(ValueError):
    """A part of a run that cannot be run again."""


@dataclass(frozen=True)
class Part:
    """The nodes of a run that are to be run again.

    Attributes:
        manifest: the run.
        nodes: in its order, all of them finished.
        inputs: what they read and do not make themselves.
    """

    manifest: Manifest
    nodes: list[NodeRun]
    inputs: list[Artifact]


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
    )


def run_config(part: Part, environment: str | None, parameters: dict[str, Any]) -> dict[str, Any]:
    """What `kedro run --config` takes.

    Args:
        part: of a manifest that was admitted.
        environment: of the configuration; None for the default one.
        parameters: that were admitted with it.
    """
    config: dict[str, Any] = {
        "pipelines": ",".join(part.manifest.command.get("pipeline_names") or ["__default__"]),
        "node_names": ",".join(node.name for node in part.nodes),
        "params": parameters,
    }
    if environment:
        config["env"] = environment
    versions = {one.name: one.version for one in part.inputs if one.version is not None}
    if versions:
        config["load_versions"] = ",".join(f"{name}:{value}" for name, value in versions.items())
    return {"run": config}


def write_config(config: dict[str, Any], run_id: str, path: Path) -> None:
    """Write the file for `kedro run --config`."""
    head = f"# The run {run_id} again: kedro run --config={path.name}\n"
    text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True, width=100)
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
    now = describe_base_model(project.parameters, project.path, before)
    if now.get("sha256") != before.get("sha256"):
        changed.append(f"the files of the base model '{before.get('id')}' are not what they were")
    return changed


def _is_in(namespace: str | None, above: str) -> bool:
    return namespace is not None and f"{namespace}.".startswith(f"{above}.")
