"""A folder of records that people make: each is on the disk, as a whole, as soon as it is known.

Knows names and JSON; does not know what a record says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, MutableMapping
from typing import Any, NoReturn

from fsspec.spec import AbstractFileSystem
from kedro.io import DatasetError

from selfscore.datasets.located import LocatedDataset

# Steps of a name: such as a file may have on every system, and none that leads out of the folder.
_STEP = re.compile(r"\w[\w .@+-]*")
_SUFFIX = ".json"


class RecordFolder(MutableMapping[str, dict[str, Any]]):
    """Records by name, `reader/what was read` perhaps: one file each, written as a whole.

    Several processes may add to it at the same time, and one that is killed loses no record that
    it put in.

    Args:
        file_system: Where the folder is.
        path: The folder; made with the first record.
    """

    def __init__(self, file_system: AbstractFileSystem, path: str) -> None:
        self._fs = file_system
        self._path = path

    def __getitem__(self, name: str) -> dict[str, Any]:
        place = self._place(name)
        try:
            record = json.loads(self._fs.cat_file(place))
        except FileNotFoundError:
            raise KeyError(name) from None
        except (ValueError, RecursionError):
            record = None
        if not isinstance(record, dict):
            raise DatasetError(
                f"'{place}' is no record in JSON: put the right file there, or none."
            )
        return record

    def __setitem__(self, name: str, record: dict[str, Any]) -> None:
        place = self._place(name)
        self._fs.makedirs(place.rpartition("/")[0], exist_ok=True)
        with self._fs.open(place, "wb") as file:
            file.write(json.dumps(record, ensure_ascii=False, indent=1).encode())

    def __delitem__(self, name: str) -> None:
        place = self._place(name)
        if not self._fs.exists(place):
            raise KeyError(name)
        self._fs.rm_file(place)

    def __iter__(self) -> Iterator[str]:
        if not self._fs.exists(self._path):
            return
        start = len(self._fs._strip_protocol(self._path)) + 1
        for file in sorted(self._fs.find(self._path)):
            name = file[start:].removesuffix(_SUFFIX)
            # A file that is being written begins with a dot.
            if file.endswith(_SUFFIX) and is_name(name):
                yield name

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _place(self, name: str) -> str:
        if not is_name(name):
            raise ValueError(f"{name!r} is no name of a record: use letters, digits, '-' and '_'.")
        return f"{self._path}/{name}{_SUFFIX}"


class RecordsDataset(LocatedDataset[RecordFolder]):
    """What people say, an input that pages add to while no node runs; see `RecordFolder`."""

    def load(self) -> RecordFolder:
        """The records so far; none, if there is no folder yet."""
        return RecordFolder(self._fs, self._path)

    def save(self, data: NoReturn) -> NoReturn:
        """Refused: records are stored while they are put in.

        Raises:
            DatasetError: Always.
        """
        raise DatasetError(f"'{self._path}' is no output: people fill it, see `kedro review`.")


def is_name(name: str) -> bool:
    """Whether a record can be called so: steps between slashes, of which none is hidden."""
    return all(_STEP.fullmatch(step) for step in name.split("/"))
