"""Which versions may go: neither among the newest, nor named by a manifest or the registry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from selfscore.provenance.manifest import Manifest
from selfscore.provenance.places import Place, is_versioned, versions, versions_folder
from selfscore.provenance.project import Project
from selfscore.provenance.store import DATASET


@dataclass(frozen=True)
class Removal:
    """A version that may go.

    Attributes:
        name: dataset; `manifest` for the manifest of a run.
        version: of it.
        place: the folder of the version.
        size: bytes.
    """

    name: str
    version: str
    place: Place
    size: int


def counting(
    manifests: Sequence[Manifest], keep_runs: int | None, registered: Iterable[str]
) -> list[Manifest]:
    """The manifests whose artifacts are kept.

    A run that did not end, and one that the registry names, counts in any case. A run and those
    that went on from it are one.

    Args:
        manifests: the newest first.
        keep_runs: how many of the newest runs count; None: all of them.
        registered: ids of tracked runs, and digests of policies, that the registry names.
    """
    if keep_runs is None:
        return list(manifests)
    named = set(registered)
    gone_on_with = {one.command.get("resumes") for one in manifests}
    last = [one for one in manifests if one.run_id not in gone_on_with]
    ended = [one.run_id for one in last if one.status in ("finished", "failed")]
    kept: set[str | None] = {one.run_id for one in last if one.run_id not in ended}
    kept |= {one.run_id for one in manifests if named & _identities(one)}
    kept |= set(ended[:keep_runs])
    for manifest in manifests:
        if manifest.run_id in kept:
            kept.add(manifest.command.get("resumes"))
    return [manifest for manifest in manifests if manifest.run_id in kept]


def to_remove(
    present: Mapping[str, Sequence[str]], manifests: Iterable[Manifest], keep_last: int
) -> dict[str, list[str]]:
    """The versions that may go, by dataset.

    Args:
        present: dataset → its versions.
        manifests: those that count.
        keep_last: how many of the newest versions of each dataset stay.
    """
    named = {one for manifest in manifests for one in needed(manifest, present)}
    return {
        name: [
            version
            for version in sorted(found, reverse=True)[keep_last:]
            if (name, version) not in named
        ]
        for name, found in present.items()
    }


def needed(manifest: Manifest, present: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    """Dataset and version of all that a run read and wrote, and of what going on with it will read.

    Args:
        manifest: of the run.
        present: dataset → its versions.
    """
    for artifact in manifest.artifacts.values():
        if artifact.version is not None:
            yield artifact.name, artifact.version
    if manifest.status == "finished":
        return
    # A kill may have come before the journal's line about what was just stored.
    yield from ((name, manifest.run_id) for name in present)
    asked = manifest.command.get("load_versions") or {}
    yield from asked.items()
    for node in manifest.nodes:
        for name in node.inputs if node.status != "finished" else ():
            if name in manifest.artifacts or name in asked:
                continue
            # What was not read yet is read as it was when the run began, see `resumption.py`.
            older = [one for one in present.get(name, ()) if one <= manifest.run_id]
            if older:
                yield name, max(older)


def removals(
    project: Project,
    manifests: Sequence[Manifest],
    keep_last: int,
    keep_runs: int | None = None,
    registered: Iterable[str] = (),
) -> list[Removal]:
    """What may go, by dataset and then by age.

    A manifest goes once nothing that its run wrote is left.

    Args:
        project: whose catalog.
        manifests: the newest first.
        keep_last: how many of the newest versions of each dataset stay, at least 1.
        keep_runs: see `counting`.
        registered: see `counting`.
    """
    counted = counting(manifests, keep_runs, registered)
    names = project.datasets() | {name for one in manifests for name in one.artifacts}
    present = {
        name: versions(project.catalog[name])
        for name in sorted(names)
        if name != DATASET and name in project.catalog and is_versioned(project.catalog[name])
    }
    going = to_remove(present, counted, keep_last)
    found = [
        _removal(project, name, version) for name in going for version in reversed(going[name])
    ]
    left = {
        (name, version)
        for name in present
        for version in present[name]
        if version not in going[name]
    }
    kept = {manifest.run_id for manifest in counted}
    for manifest in reversed(manifests):
        written = {(one.name, one.version) for one in manifest.made.values() if one.version}
        if manifest.run_id not in kept and not written & left:
            found.append(_removal(project, DATASET, manifest.run_id))
    return found


def remove(removal: Removal) -> None:
    """Delete a version, with its folder."""
    removal.place.file_system.rm(removal.place.path, recursive=True)


def _removal(project: Project, name: str, version: str) -> Removal:
    folder = versions_folder(project.catalog[name])
    place = Place(folder.file_system, f"{folder.path}/{version}")
    return Removal(name, version, place, int(place.file_system.du(place.path)))


def _identities(manifest: Manifest) -> set[str]:
    """What a registry may call the run, or the policies that it wrote."""
    found = {str(manifest.mlflow.get("run_id")), *manifest.mlflow.get("children", {}).values()}
    return found | {one.digest for one in manifest.made.values() if one.digest}
