"""Versions that a run is asked to load, looked up before it begins."""

from __future__ import annotations

from collections.abc import Mapping

from kedro.io import DataCatalog, DatasetError

from selfscore.provenance.places import is_versioned, versions

_SHOWN = 3


def refuse_missing(asked: Mapping[str, str], catalog: DataCatalog) -> None:
    """Refuse a version that is not there.

    Args:
        asked: dataset → version, as `--load-versions` says.
        catalog: of the run.

    Raises:
        DatasetError: there is no such version.
    """
    for name, version in asked.items():
        there = versions(catalog[name])
        if is_versioned(catalog[name]) and version not in there:
            newest = f"the newest are {', '.join(there[:_SHOWN])}" if there else "there is none yet"
            raise DatasetError(f"'{name}' has no version {version}: {newest}.")
