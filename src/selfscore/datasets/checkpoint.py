"""What a node has done so far, so that a run that was stopped half-way goes on from there.

Knows named bytes and the recipe they belong to; does not know what they mean.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path, PurePosixPath
from typing import Any

from kedro.io import AbstractDataset, DatasetError

from selfscore.datasets.leftovers import remove_leftovers
from selfscore.datasets.whole_files import write_whole

logger = logging.getLogger(__name__)

_RECIPE = "recipe.txt"
_PARTS = "parts"
_DIGEST = hashlib.sha256().digest_size


class Checkpoint(MutableMapping[str, bytes]):
    """Parts of one node's work by name. What is put in is on the disk when the call returns.

    A part is there as a whole or not at all, and is checked against its sha256 when it is read; one
    that is damaged is not there, with a warning.

    Until it is told whose work it holds (`claim`), it holds none, and takes parts in memory only.

    Args:
        folder: of all nodes of a group, on a disk of this machine; each has one of its own in it.
    """

    def __init__(self, folder: Path) -> None:
        self._group = self._folder = folder
        self._claimed = False
        self._unclaimed: dict[str, bytes] = {}

    def claim(self, owner: str, recipe: str) -> None:
        """Say what is about to be done; what the owner did for anything else is removed.

        Args:
            owner: name of the node that does it.
            recipe: one line that is the same only if the same code would do the same work.
        """
        self._claimed = True
        self._folder = self._group / owner
        place = self._folder / _RECIPE
        if place.is_file() and place.read_text(encoding="utf-8") == recipe:
            if len(self):
                logger.info("Going on with what an earlier run left in '%s'.", self._folder)
            return
        shutil.rmtree(self._folder, ignore_errors=True)
        write_whole(place, recipe.encode())

    def discard(self) -> None:
        """Remove everything: its owner is done, and what it made is stored."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._claimed = False

    def __getitem__(self, name: str) -> bytes:
        if not self._claimed:
            return self._unclaimed[name]
        try:
            stored = self._place(name).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise KeyError(name) from None
        digest, part = stored[:_DIGEST], stored[_DIGEST:]
        if hashlib.sha256(part).digest() != digest:
            logger.warning(
                "'%s' is damaged, so what it held is done again. If this happens more than once, "
                "check the disk.",
                self._place(name),
            )
            raise KeyError(name)
        return part

    def __setitem__(self, name: str, part: bytes) -> None:
        if self._claimed:
            write_whole(self._place(name), hashlib.sha256(part).digest() + part)
        else:
            self._unclaimed[name] = part

    def __delitem__(self, name: str) -> None:
        if not self._claimed:
            del self._unclaimed[name]
            return
        try:
            self._place(name).unlink()
        except FileNotFoundError:
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        if not self._claimed:
            return iter(self._unclaimed)
        parts = self._folder / _PARTS
        return iter(
            sorted(
                file.relative_to(parts).as_posix()
                for file in parts.rglob("*")
                if file.is_file() and not file.name.startswith(".")
            )
        )

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _place(self, name: str) -> Path:
        steps = PurePosixPath(name).parts
        if not steps or name.startswith("/") or any(step.startswith(".") for step in steps):
            raise ValueError(f"'{name}' is no name for a part: use letters, digits and '/'.")
        return self._folder.joinpath(_PARTS, *steps)


class CheckpointDataset(AbstractDataset[Mapping[str, bytes], Checkpoint]):
    """The work in progress of a group of nodes: an input that they add to while they run.

    Kedro stores what a node returns, and stores nothing when it is stopped half-way. A node whose
    work takes long takes this as an input, looks there for what is done, and puts in what it does.
    Its result must be the same with and without. A hook claims it for the node's code, parameters
    and data before the node runs, and empties it when the node's outputs are stored.

    Args:
        filepath: Folder, on a disk of this machine: two machines never share it.
        metadata: Not used here; kedro-viz reads it.

    Raises:
        DatasetError: The folder is not local.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        if "://" in filepath:
            raise DatasetError(
                f"'{filepath}' is not on a disk of this machine. Set `storage.scratch` to a "
                "local folder."
            )
        self._folder = Path(filepath)
        self.metadata = metadata

    def load(self) -> Checkpoint:
        """What was done so far; it is usable once it is claimed."""
        return Checkpoint(self._folder)

    def save(self, data: Mapping[str, bytes]) -> None:
        """Make the folder; what is in it stays.

        Raises:
            DatasetError: There are parts: those are stored while they are put in.
        """
        if data:
            raise DatasetError(
                f"'{self._folder}' takes no parts as an output: give it to the node that makes "
                "them as an input, which adds to it."
            )
        self._folder.mkdir(parents=True, exist_ok=True)

    def clear(self) -> int:
        """Remove the parts that killed runs left half-written; those that are whole stay.

        Returns:
            How many there were.
        """
        return sum(remove_leftovers(one) for one in [self._folder, *self._folder.rglob("*")])

    def _exists(self) -> bool:
        return self._folder.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._folder)}
