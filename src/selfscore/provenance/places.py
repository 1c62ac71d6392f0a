"""Where a dataset of the catalog keeps its data.

Kedro has no public way to ask, so this is the one file that reads the datasets' own attributes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
from fsspec.spec import AbstractFileSystem
from kedro.io import AbstractDataset, AbstractVersionedDataset, DatasetError, Version

_LOG = "hosted_verdicts"
_CHECKPOINTS = "checkpoints"
_LAYER = re.compile(r"(?:^|/)\d\d_(\w+)/")


@dataclass(frozen=True)
class Place:
    """A file or folder.

    Attributes:
        file_system: where it is.
        path: the file or folder, without protocol.
        suffix: of the files that count, or several, where the dataset takes only some.
    """

    file_system: AbstractFileSystem
    path: str
    suffix: str | tuple[str, ...] = ""

    @property
    def url(self) -> str:
        """The path, with its protocol unless it is local."""
        return self.path if self.is_local else str(self.file_system.unstrip_protocol(self.path))

    def seen_from(self, project: Path) -> str:
        """The path as it is written down: below the project, relative to it."""
        if self.is_local and Path(self.path).is_relative_to(project):
            return Path(self.path).relative_to(project).as_posix()
        return self.url

    @property
    def is_local(self) -> bool:
        """Whether it is on a disk of this machine."""
        protocol = self.file_system.protocol
        return "file" in ((protocol,) if isinstance(protocol, str) else protocol)


def is_growing(name: str) -> bool:
    """Whether nodes add to the dataset while they work.

    Such a log, or a node's work in progress, is never a reason to make something again.
    """
    return name == _LOG or name.rpartition(".")[2] == _CHECKPOINTS


def is_versioned(dataset: AbstractDataset[Any, Any]) -> bool:
    """Whether Kedro keeps versions of it."""
    return isinstance(dataset, AbstractVersionedDataset) and dataset._version is not None


def load_version(dataset: AbstractDataset[Any, Any]) -> str | None:
    """The version that would be loaded; None without versions, or when there is none yet."""
    if not is_versioned(dataset):
        return None
    assert isinstance(dataset, AbstractVersionedDataset)
    try:
        return dataset.resolve_load_version()
    except DatasetError:
        return None


def load_what_is_saved(dataset: AbstractDataset[Any, Any]) -> None:
    """Have the version loaded that is saved, unless another was asked for."""
    if isinstance(dataset, AbstractVersionedDataset) and dataset._version is not None:
        saved = dataset.resolve_save_version()
        dataset._version = Version(dataset._version.load or saved, saved)


def versions(dataset: AbstractDataset[Any, Any]) -> list[str]:
    """All versions there are, the newest first; none for a dataset without versions."""
    if not is_versioned(dataset):
        return []
    assert isinstance(dataset, AbstractVersionedDataset)
    return dataset.list_versions(full_path=False)


def place_of(dataset: AbstractDataset[Any, Any], version: str | None = None) -> Place | None:
    """Where the data is; None for what is not in files.

    Args:
        dataset: of the catalog.
        version: of a versioned dataset, where not the one that would be loaded.

    Raises:
        DatasetError: no version of the dataset is there.
    """
    file_system: AbstractFileSystem | None = None
    # `_filesystem`: Kedro's partitions.
    for attribute in ("_fs", "_filesystem"):
        file_system = file_system or getattr(dataset, attribute, None)
    path = getattr(dataset, "_filepath", None) or getattr(dataset, "_path", None)
    if path is None:
        return None
    if is_versioned(dataset):
        assert isinstance(dataset, AbstractVersionedDataset)
        path = dataset._get_versioned_path(version) if version else dataset._get_load_path()
    if file_system is None:
        file_system, path = fsspec.filesystem("file"), Path(path).absolute()
    plain = str(file_system._strip_protocol(str(path)))
    return Place(file_system, plain, getattr(dataset, "_filename_suffix", ""))


def versions_folder(dataset: AbstractDataset[Any, Any]) -> Place:
    """The folder with a folder for every version."""
    assert isinstance(dataset, AbstractVersionedDataset)
    one = place_of(dataset, "any")
    assert one is not None
    return Place(one.file_system, str(Path(one.path).parents[1]))


def layer_of(dataset: AbstractDataset[Any, Any]) -> str:
    """The layer in whose folder the catalog keeps it: `reporting` for 08_reporting; "" for none."""
    place = place_of(dataset, "any" if is_versioned(dataset) else None)
    found = _LAYER.findall(place.path) if place is not None else []
    return str(found[-1]) if found else ""
