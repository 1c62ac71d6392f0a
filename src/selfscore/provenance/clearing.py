"""What killed runs left half-written is removed when the next run begins."""

from __future__ import annotations

import logging
from pathlib import Path

from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from selfscore.datasets.checkpoint import CheckpointDataset
from selfscore.datasets.leftovers import remove_leftovers
from selfscore.provenance.places import is_growing, is_versioned, place_of, versions_folder

logger = logging.getLogger(__name__)


def clear(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Remove what nobody writes any more beside everything that a run is about to write.

    Args:
        pipeline: its nodes.
        catalog: of the run.
    """
    written = pipeline.all_outputs() | {name for name in pipeline.datasets() if is_growing(name)}
    found = sum(_clear(name, catalog) for name in written if name in catalog)
    if found:
        logger.info("Removed %d half-written files and folders that killed runs left.", found)


def _clear(name: str, catalog: DataCatalog) -> int:
    dataset = catalog[name]
    if isinstance(dataset, CheckpointDataset):
        return dataset.clear()
    place = place_of(dataset, "any" if is_versioned(dataset) else None)
    if place is None or not place.is_local:
        return 0
    path = Path(place.path)
    if is_versioned(dataset):
        versions = Path(versions_folder(dataset).path)
        folders = list(versions.iterdir()) if versions.is_dir() else []
        return sum(remove_leftovers(folder, path.name) for folder in folders)
    return remove_leftovers(path.parent, path.name)
