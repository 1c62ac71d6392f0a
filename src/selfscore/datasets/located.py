"""What the project's datasets without versions share: a place on a file system.

Knows where the data is; does not know what it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn, TypeVar

import fsspec
from fsspec.spec import AbstractFileSystem
from kedro.io import AbstractDataset
from kedro.io.core import get_protocol_and_path

T = TypeVar("T")


class LocatedDataset(AbstractDataset[NoReturn, T]):
    """A file or folder that nodes take as an input, and that none of them returns.

    Args:
        filepath: File or folder, local or with a protocol that fsspec knows (`s3://…`). A local
            one may begin with `~`, the user's own folder.
        credentials: Passed to the file system.
        fs_args: Passed to the file system.
        metadata: Not used here; kedro-viz reads it.
    """

    def __init__(
        self,
        *,
        filepath: str,
        credentials: dict[str, Any] | None = None,
        fs_args: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._protocol, self._path = located(filepath)
        self._fs: AbstractFileSystem = fsspec.filesystem(
            self._protocol, **(credentials or {}), **(fs_args or {})
        )
        self.metadata = metadata

    def _exists(self) -> bool:
        return bool(self._fs.exists(self._path))

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._path, "protocol": self._protocol}


def located(filepath: str) -> tuple[str, str]:
    """Protocol and path of a file or folder, with the user's own folder in place of `~`.

    Kedro takes `~/x` for a path below the project, and puts the project's folder before it.
    """
    protocol, path = get_protocol_and_path(filepath)
    _, found, below = f"/{path}".partition("/~/")
    return protocol, str(Path.home() / below) if found and protocol == "file" else path
