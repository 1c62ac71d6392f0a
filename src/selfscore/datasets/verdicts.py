"""A log of verdicts: every one is on the disk as soon as it is known.

Knows one line of JSON per verdict; knows no judge.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, MutableMapping
from pathlib import PurePosixPath
from typing import Any, NoReturn

from fsspec.spec import AbstractFileSystem
from kedro.io import DatasetError

from selfscore.datasets.located import LocatedDataset

logger = logging.getLogger(__name__)


class VerdictLog(MutableMapping[str, dict[str, Any]]):
    """Verdicts by key. What is put in is appended to the file at once; nothing is taken out.

    A process that is killed loses no verdict it put in. A line that was cut off, as a power cut
    can leave it, is passed over when the file is read.

    Args:
        file_system: Where the file is; one that can append.
        path: The file, one ``{"key": …, "verdict": …}`` a line; made with the first verdict.
    """

    def __init__(self, file_system: AbstractFileSystem, path: str) -> None:
        self._fs = file_system
        self._path = path
        self._verdicts: dict[str, dict[str, Any]] = {}
        self._line_is_open = False
        if file_system.exists(path):
            self._read()

    def __getitem__(self, key: str) -> dict[str, Any]:
        return self._verdicts[key]

    def __setitem__(self, key: str, verdict: dict[str, Any]) -> None:
        line = json.dumps({"key": key, "verdict": verdict}, ensure_ascii=False) + "\n"
        self._fs.makedirs(str(PurePosixPath(self._path).parent), exist_ok=True)
        with self._fs.open(self._path, "ab") as file:
            file.write(("\n" if self._line_is_open else "").encode() + line.encode())
        self._line_is_open = False
        self._verdicts[key] = verdict

    def __delitem__(self, key: str) -> NoReturn:
        raise TypeError("A verdict is not taken back: remove the file to have all judged again.")

    def __iter__(self) -> Iterator[str]:
        return iter(self._verdicts)

    def __len__(self) -> int:
        return len(self._verdicts)

    def _read(self) -> None:
        text = self._fs.read_bytes(self._path).decode(errors="replace")
        self._line_is_open = bool(text) and not text.endswith("\n")
        broken = 0
        for line in filter(None, text.split("\n")):
            try:
                entry = json.loads(line)
                self._verdicts[str(entry["key"])] = dict(entry["verdict"])
            except (ValueError, RecursionError, KeyError, TypeError):
                broken += 1
        if broken:
            logger.warning(
                "%d lines of '%s' are cut off or no verdicts: what they held is judged again.",
                broken,
                self._path,
            )


class VerdictsDataset(LocatedDataset[VerdictLog]):
    """The verdicts of a hosted judge, an input that the node adds to while it runs.

    Kedro stores what a node returns, and stores nothing when it is stopped half-way; verdicts that
    were paid for must outlive that. So a node takes this mapping as an input, and every verdict it
    puts in is stored at once.
    The file has lines of JSON, and its file system must be one that can append.
    """

    def load(self) -> VerdictLog:
        """The verdicts so far; none, if there is no file yet."""
        return VerdictLog(self._fs, self._path)

    def save(self, data: NoReturn) -> NoReturn:
        """Refused: the verdicts are stored while they are added.

        Raises:
            DatasetError: Always.
        """
        raise DatasetError(
            f"'{self._path}' is no output: give it to the node as an input, which adds to it."
        )
