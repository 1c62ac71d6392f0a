"""Files on a local disk that are written as a whole or not at all.

The datasets of Kedro open a file and write into it, so a run that is stopped there, or a disk that
is full, leaves half a file; of a dataset with versions it is the newest one. All of them open their
files through fsspec, so this is put right in one place. Object stores need no such thing: there an
upload is seen when it is complete.
"""

from __future__ import annotations

import io
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from selfscore.datasets.leftovers import hold


class WholeFiles(LocalFileSystem):
    """fsspec's local file system, where a file that is written anew is seen once it is closed.

    If the block that writes it ends with an error, or the disk takes no more, what stood there
    before still stands there.

    Raises:
        OSError: as of a plain file; `filename` is always set.
    """

    def open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        """Open a file; `options` as of `AbstractFileSystem.open`."""
        if mode.replace("t", "") not in ("w", "wb") or options.get("compression"):
            return super().open(path, mode, **options)
        place = Path(self._strip_protocol(path))
        if self.auto_mkdir:
            place.parent.mkdir(parents=True, exist_ok=True)
        if place.exists() and not place.is_file():
            return super().open(path, mode, **options)  # A device, or an error to be told.
        file = _WholeFile(place)
        if "b" in mode:
            return file
        text = {name: options[name] for name in _OF_TEXT if name in options}
        return _WholeText(file, **text)


_OF_TEXT = ("encoding", "errors", "newline")


def write_whole(place: Path, content: bytes) -> None:
    """Write a file, and the folders above it. It is on the disk when the call returns.

    Raises:
        OSError: as of a plain file; `filename` is always set.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    with _WholeFile(place) as file:
        file.write(content)


class _WholeFile(io.FileIO):
    """A file beside its place, until it is closed without an error."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._failed = False
        self._fresh = place.with_name(f".{place.name}.{secrets.token_hex(4)}.part")
        with self._named_in_errors():
            super().__init__(self._fresh, "xb")
        hold(self.fileno())

    def write(self, data: Any) -> int:
        """Write all of it."""
        left = memoryview(data).cast("B")
        size = left.nbytes
        with self._named_in_errors():
            while left.nbytes:
                left = left[super().write(left) or 0 :]
        return size

    def discard(self) -> None:
        """What stood there before is to stay."""
        self._failed = True

    def close(self) -> None:
        """Put the file at its place, if all of it could be written."""
        if self.closed:
            return
        try:
            if not self._failed:
                with self._named_in_errors():
                    os.fsync(self.fileno())
                    os.replace(self._fresh, self._place)
        finally:
            super().close()
            if self._failed:
                self._fresh.unlink(missing_ok=True)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._failed |= kind is not None
        self.close()

    def __del__(self) -> None:
        # Left open, so nobody said that it is complete.
        self._failed = True
        super().__del__()

    @contextmanager
    def _named_in_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._failed = True
            # The system names no file when it has no room for more of it.
            error.filename = str(self._place)
            raise


class _WholeText(io.TextIOWrapper):
    """The same for text."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.buffer.discard()  # type: ignore[attr-defined]
        self.close()


def write_whole_files() -> None:
    """From now on, every dataset in this process writes its local files as a whole."""
    for protocol in ("file", "local"):
        fsspec.register_implementation(protocol, WholeFiles, clobber=True)
