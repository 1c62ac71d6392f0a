"""Reading what runs made, outside of a run: held against their manifests as in one.

A version is called as the run that wrote it, so the manifest of one run says what it was.
"""

from __future__ import annotations

import logging
from pathlib import PurePosixPath
from typing import Any

from kedro.io import DataCatalog

from selfscore.provenance.fingerprint import fingerprint
from selfscore.provenance.manifest import Artifact, ManifestError
from selfscore.provenance.places import (
    Place,
    is_versioned,
    load_version,
    place_of,
    versions_folder,
)
from selfscore.provenance.project import Project
from selfscore.provenance.seals import changed, refuse_older
from selfscore.provenance.store import DATASET, read_manifest, run_ids

logger = logging.getLogger(__name__)


def load_sealed(project: Project, name: str, version: str | None = None) -> Any:
    """Load a dataset that a run made, if it is what the run wrote.

    Args:
        project: where it is.
        name: of the dataset.
        version: of it; None for the newest.

    Raises:
        DatasetError: it is damaged, or its newest version is.
    """
    catalog = project.catalog
    if not is_versioned(catalog[name]):
        return catalog.load(name)
    version = version or newest_version(project, name)
    made = None if version is None else made_by_run(catalog, name, version)
    if made is not None:
        place = place_of(catalog[name], version)
        assert place is not None
        if not _is_sealed(place, made):
            raise changed(name, place.url, made.node)
    return catalog.load(name, version)


def _is_sealed(place: Place, made: Artifact) -> bool:
    try:
        return fingerprint(place).sha256 == made.sha256
    except FileNotFoundError:
        # What is not there, loading says; an empty folder is not what was made.
        return not place.file_system.exists(place.path)


def newest_version(project: Project, name: str) -> str | None:
    """The newest version of a dataset; None if there is none.

    Raises:
        DatasetError: a run wrote a newer one, and it is damaged.
    """
    catalog = project.catalog
    if not is_versioned(catalog[name]):
        return None
    version = load_version(catalog[name])
    refuse_older(name, catalog[name], version, _newest(catalog, name, version))
    return version


def made_by_run(catalog: DataCatalog, name: str, version: str) -> Artifact | None:
    """What the run wrote whose id the version is; None if no manifest says it."""
    if DATASET not in catalog or version not in run_ids(catalog):
        return None
    try:
        return read_manifest(catalog, version).made.get(name)
    except ManifestError as error:
        logger.warning("Whether '%s' is what the run made cannot be told: %s", name, error)
        return None


def _newest(catalog: DataCatalog, name: str, version: str | None) -> Artifact | None:
    """The newest version that a run wrote, if it is newer and something of it is there."""
    folder = versions_folder(catalog[name])
    if not folder.file_system.isdir(folder.path):
        return None
    there = (PurePosixPath(path).name for path in folder.file_system.ls(folder.path, detail=False))
    for newer in sorted((one for one in there if one > (version or "")), reverse=True):
        if (made := made_by_run(catalog, name, newer)) is not None:
            return made
    return None
