"""The manifests of a project: one version of the dataset `manifest` for every run."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from pathlib import PurePosixPath

from kedro.io import DataCatalog

from selfscore.provenance.journal import NAME as JOURNAL
from selfscore.provenance.journal import Journal
from selfscore.provenance.manifest import Manifest, ManifestError, parse_manifest
from selfscore.provenance.places import Place, place_of, versions_folder

logger = logging.getLogger(__name__)

DATASET = "manifest"


def journal_of(catalog: DataCatalog, run_id: str) -> Journal:
    """The journal of a run, beside the place of its manifest."""
    place = place_of(catalog[DATASET], run_id)
    assert place is not None
    path = PurePosixPath(place.path).with_name(JOURNAL)
    return Journal(Place(place.file_system, str(path)))


def read_manifests(catalog: DataCatalog) -> list[Manifest]:
    """All manifests, the newest run first.

    A run that left only its journal is "interrupted", unless that says how it ended, and "running"
    while its process lives.

    A manifest that cannot be read is passed over with a warning.
    """
    found = []
    for run_id in run_ids(catalog):
        try:
            found.append(read_manifest(catalog, run_id))
        except ManifestError as error:
            logger.warning("The manifest of the run %s is passed over: %s", run_id, error)
    return found


def read_every_manifest(catalog: DataCatalog) -> list[Manifest]:
    """All manifests, the newest run first, where none may be passed over.

    Raises:
        ManifestError: one cannot be read, or a line of a journal cannot, other than the last one.
    """
    found = []
    for run_id in run_ids(catalog):
        place = place_of(catalog[DATASET], run_id)
        assert place is not None
        file_system, folder = place.file_system, str(PurePosixPath(place.path).parent)
        if not file_system.isdir(folder) or not file_system.ls(folder, detail=False):
            continue
        try:
            found.append(read_manifest(catalog, run_id, whole=True))
        except ManifestError as error:
            raise ManifestError(
                f"The manifest of the run {run_id} cannot be read, so it is not known which "
                f"versions that run needs: put it back from a copy, or remove '{folder}' if it may "
                f"be forgotten. {error}"
            ) from error
    return found


def read_manifest(catalog: DataCatalog, run_id: str, whole: bool = False) -> Manifest:
    """The manifest of a run.

    Args:
        catalog: with the manifests.
        run_id: of the run.
        whole: whether a journal is refused that lost a line in the middle.

    Raises:
        ManifestError: there is none, or it cannot be read.
    """
    place = place_of(catalog[DATASET], run_id)
    assert place is not None
    if place.file_system.exists(place.path):
        return parse_manifest(place.file_system.cat_file(place.path))
    journal = journal_of(catalog, run_id)
    try:
        manifest = journal.read(whole)
        if manifest is not None and manifest.status == "interrupted" and journal.is_going_on():
            manifest = replace(manifest, status="running")
    except FileNotFoundError:
        manifest = None
    if manifest is None:
        known = ", ".join(run_ids(catalog)[:5]) or "none"
        raise ManifestError(f"There is no manifest of a run '{run_id}'. The newest are: {known}.")
    return manifest


def unended(catalog: DataCatalog, manifests: Iterable[Manifest]) -> set[str]:
    """The runs that left only their journal: they go on, or something of their end is missing."""
    places = ((one.run_id, place_of(catalog[DATASET], one.run_id)) for one in manifests)
    return {run for run, place in places if place and not place.file_system.exists(place.path)}


def run_ids(catalog: DataCatalog) -> list[str]:
    """The runs that left a manifest or a journal, the newest first."""
    folder = versions_folder(catalog[DATASET])
    file_system = folder.file_system
    file_system.invalidate_cache(folder.path)
    if not file_system.isdir(folder.path):
        return []
    names = {PurePosixPath(path).name for path in file_system.ls(folder.path, detail=False)}
    return sorted(names, reverse=True)
