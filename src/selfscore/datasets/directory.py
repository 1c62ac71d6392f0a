"""Folders that are either complete or not there.

A folder is filled beside its place, flushed to disk and renamed, so a run that is interrupted
leaves nothing that looks finished. Inside stands a marker with the sha256 of every file, written
last: object stores cannot rename, and there the marker alone says that a folder is complete.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import fsspec
from fsspec.spec import AbstractFileSystem
from kedro.io import AbstractVersionedDataset, DatasetError, Version
from kedro.io.core import VersionNotFoundError, get_protocol_and_path
from safetensors import SafetensorError

from selfscore.datasets.leftovers import hold

MARKER = "_complete.json"
# What a handoff adds to a policy; nothing here reads it.
README = "README.md"
# What reading files raises that are whole and hold something else than they should.
_UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, SafetensorError)

T = TypeVar("T")


class DirectoryDataset(AbstractVersionedDataset[T, T]):
    """A dataset that is a folder, saved as a whole or not at all.

    Args:
        filepath: Folder, local or with a protocol that fsspec knows (`s3://…`).
        version: Set by Kedro for `versioned: true`.
        credentials: Passed to the file system.
        fs_args: Passed to the file system.
        metadata: Not used here; kedro-viz reads it.
    """

    # What stands in the folder, for messages.
    kind = "folder"

    def __init__(
        self,
        *,
        filepath: str,
        version: Version | None = None,
        credentials: dict[str, Any] | None = None,
        fs_args: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        protocol, path = get_protocol_and_path(filepath, version)
        self._protocol = protocol
        self._fs: AbstractFileSystem = fsspec.filesystem(
            protocol, **(credentials or {}), **(fs_args or {})
        )
        self.metadata = metadata
        super().__init__(
            filepath=PurePosixPath(path),
            version=version,
            exists_function=lambda place: is_complete(self._fs, place),
            glob_function=self._fs.glob,
        )

    @abstractmethod
    def _read(self, folder: Path) -> T:
        """Read the data from a complete local folder."""

    @abstractmethod
    def _write(self, data: T, folder: Path) -> None:
        """Write the data into an empty local folder."""

    def load(self) -> T:
        """Load the data.

        Raises:
            DatasetError: If the folder is not there, not complete, or not what was written.
        """
        path = str(self._get_load_path())
        if not is_complete(self._fs, path):
            raise DatasetError(
                f"There is no complete {self.kind} in '{path}'. It has not been made yet, or "
                f"saving it was interrupted: run the pipeline that makes it."
            )
        with _local_copy(self._fs, path) as folder:
            _check_files(folder, path, self.kind)
            try:
                return self._read(folder)
            except _UNREADABLE as error:
                raise DatasetError(
                    f"The {self.kind} in '{path}' cannot be read ({type(error).__name__}: {error}):"
                    f" its files were changed, or another version of selfscore wrote it. {_REMEDY}"
                ) from None

    def save(self, data: T) -> None:
        """Save the data, in full or not at all."""
        write_directory(
            self._fs, str(self._get_save_path()), lambda folder: self._write(data, folder)
        )

    def _exists(self) -> bool:
        try:
            path = str(self._get_load_path())
        except VersionNotFoundError as error:
            if error.__cause__ is None:
                raise
            # Kedro would take a store that does not answer for an empty one.
            raise DatasetError(
                f"Whether there is a {self.kind} in '{self._filepath}' cannot be told, because the "
                f"store does not answer: {error.__cause__}"
            ) from error
        return is_complete(self._fs, path)

    def _describe(self) -> dict[str, Any]:
        return {
            "filepath": str(self._filepath),
            "protocol": self._protocol,
            "version": self._version,
        }


def write_directory(
    file_system: AbstractFileSystem, path: str, fill: Callable[[Path], None]
) -> None:
    """Write a folder so that it exists only once all of it is stored.

    Args:
        file_system: Where the folder goes.
        path: The folder; what stood there is replaced.
        fill: Writes the files into the empty local folder it is given.
    """
    if _is_local(file_system):
        _write_local(Path(path), fill)
    else:
        _upload(file_system, path, fill)


def is_complete(file_system: AbstractFileSystem, path: str) -> bool:
    """Whether a folder holds the marker that is written last."""
    return bool(file_system.exists(f"{path}/{MARKER}"))


def listed_files(marker: bytes) -> dict[str, str] | None:
    """The files that a marker lists, with the sha256 of each; None if it is damaged."""
    try:
        files = json.loads(marker)["sha256"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return None
    return dict(files) if isinstance(files, dict) else None


def write_json(data: dict[str, Any], path: Path) -> None:
    """Write a record so that the same record always gives the same bytes."""
    text = json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Read a record."""
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record


def _write_local(target: Path, fill: Callable[[Path], None]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    # In the same parent, because only there a rename is one step.
    fresh = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    descriptor = os.open(fresh, os.O_RDONLY)
    hold(descriptor)
    try:
        fill(fresh)
        _mark(fresh)
        for file in _files(fresh):
            _flush(file)
        _flush(fresh)
        # A temporary folder is private; what is stored has the ordinary permissions.
        fresh.chmod(0o755)
        if target.exists():
            old = fresh.with_name(f"{fresh.name}.old")
            os.replace(target, old)
            os.replace(fresh, target)
            shutil.rmtree(old)
        else:
            os.replace(fresh, target)
        _flush(target.parent)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        os.close(descriptor)


def _upload(file_system: AbstractFileSystem, path: str, fill: Callable[[Path], None]) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        fill(folder)
        _mark(folder)
        if file_system.exists(path):
            # The marker goes first, so that a half-removed folder does not look complete.
            if is_complete(file_system, path):
                file_system.rm(f"{path}/{MARKER}")
            file_system.rm(path, recursive=True)
        file_system.makedirs(path, exist_ok=True)
        names = [str(file.relative_to(folder)) for file in _files(folder)]
        for name in sorted(names, key=lambda name: name == MARKER):
            file_system.put_file(str(folder / name), f"{path}/{name}")


@contextmanager
def _local_copy(file_system: AbstractFileSystem, path: str) -> Iterator[Path]:
    if _is_local(file_system):
        yield Path(path)
        return
    with tempfile.TemporaryDirectory() as place:
        file_system.get(f"{path.rstrip('/')}/", place, recursive=True)
        yield Path(place)


def _is_local(file_system: AbstractFileSystem) -> bool:
    return "file" in (
        file_system.protocol if isinstance(file_system.protocol, tuple) else [file_system.protocol]
    )


def _mark(folder: Path) -> None:
    hashes = {str(file.relative_to(folder)): _sha256(file) for file in _files(folder)}
    write_json({"sha256": hashes}, folder / MARKER)


_REMEDY = "Put it back from a copy, or remove the folder and run the pipeline that makes it."


def _check_files(folder: Path, path: str, kind: str) -> None:
    """Refuse a folder that holds anything else than what was saved in it."""
    listed = listed_files((folder / MARKER).read_bytes())
    if listed is None:
        raise DatasetError(f"The list of files of the {kind} in '{path}' is damaged. {_REMEDY}")
    for name, expected in listed.items():
        file = folder / name
        if not file.is_file() or _sha256(file) != expected:
            raise DatasetError(
                f"'{name}' of the {kind} in '{path}' is missing or is not the file that was saved. "
                f"{_REMEDY}"
            )
    for file in _files(folder):
        name = str(file.relative_to(folder))
        if name not in (*listed, MARKER, README) and not file.name.startswith("."):
            raise DatasetError(
                f"'{name}' in '{path}' was not saved with the {kind}: move it elsewhere."
            )


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _flush(path: Path) -> None:
    """Have the operating system put a file or a folder's list of files on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
