"""Whether what is about to be read is still what the run that made it wrote.

Folders that are stored as a whole list their own files, and loading checks those; that the list,
a table or a record is what it was, only the manifests know.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from kedro.io import AbstractDataset, DatasetError

from selfscore.provenance.manifest import Artifact, Manifest
from selfscore.provenance.places import versions_folder

logger = logging.getLogger(__name__)


class Seals:
    """sha256 of everything that a run wrote, by dataset and path.

    A path without versions has one for every run that wrote it: each of them is good, as it may
    have been put back.
    """

    def __init__(self, manifests: Iterable[Manifest] = ()) -> None:
        self._known: dict[tuple[str, str], dict[str, Artifact]] = {}
        self._newest: dict[str, Artifact] = {}
        for manifest in manifests:
            for artifact in manifest.made.values():
                self.add(artifact)

    def add(self, artifact: Artifact) -> None:
        """What a run wrote."""
        self._known.setdefault((artifact.name, artifact.path), {})[artifact.sha256] = artifact
        before = self._newest.get(artifact.name)
        if before is None or (before.version or "") < (artifact.version or ""):
            self._newest[artifact.name] = artifact

    def maker(self, name: str, path: str) -> str | None:
        """The node that made what should be there; None if no run made it."""
        known = self._known.get((name, path), {})
        return next((artifact.node for artifact in known.values()), None)

    def newest(self, name: str) -> Artifact | None:
        """The newest version that a run wrote of a dataset."""
        return self._newest.get(name)

    def refuse_changed(self, name: str, path: str, sha256: str) -> None:
        """Refuse what a run made, and what is no longer what any run made.

        Raises:
            DatasetError: it is that.
        """
        known = self._known.get((name, path))
        if known is not None and sha256 not in known:
            raise changed(name, path, self.maker(name, path))


def known_stamps(manifests: Sequence[Manifest]) -> dict[str, dict[str, str]]:
    """Path → stamp → sha256, so that what did not change need not be read again.

    What runs made counts as they wrote it; a reader only saw what its marker said.

    Args:
        manifests: the newest first.
    """
    made = {name for manifest in manifests for name in manifest.made}
    known: dict[str, dict[str, str]] = {}
    for manifest in reversed(manifests):
        for artifact in manifest.artifacts.values():
            if artifact.node is not None or artifact.name not in made:
                known.setdefault(artifact.path, {})[artifact.stamp] = artifact.sha256
    return known


def changed(name: str, path: str, node: str | None) -> DatasetError:
    """The error about a dataset that is no longer what a node wrote."""
    return DatasetError(
        f"'{name}' in '{path}' is not what the run that made it wrote: it is damaged, or was "
        f"changed. Put it back from a copy, or make it again: run the node '{node}'."
    )


def refuse_older(
    name: str, dataset: AbstractDataset[Any, Any], version: str | None, newest: Artifact | None
) -> None:
    """Refuse to take an older version because the newest one is damaged, so that it does not count.

    A newest version that was removed, with its folder, is told of and not missed.

    Args:
        name: of the dataset, which has versions.
        dataset: of the catalog.
        version: that would be loaded; None if there is none.
        newest: the newest one that a run wrote.

    Raises:
        DatasetError: what is left of a newer one is still there.
    """
    if newest is None or newest.version is None or newest.version <= (version or ""):
        return
    folder = versions_folder(dataset)
    place = f"{folder.path}/{newest.version}"
    folder.file_system.invalidate_cache(place)
    if folder.file_system.exists(place):
        raise DatasetError(
            f"The newest version of '{name}' is no longer whole: something of it is missing in "
            f"'{place}'. Put it back from a copy, or make it again: run the node '{newest.node}'."
            + (f" To use the one before it, {version}, remove that folder." if version else "")
        )
    if version is not None:
        logger.warning(
            "The newest version of '%s', %s, was removed: %s is used.",
            name,
            newest.version,
            version,
        )
