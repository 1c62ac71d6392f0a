"""Tables of scores as people have them: CSV, TSV or JSON lines."""

# Annotations are evaluated here, because kedro-viz reads the return type of `preview`.

from pathlib import PurePosixPath
from typing import Any, NoReturn

import fsspec
import pandas as pd
from fsspec.spec import AbstractFileSystem
from kedro.io import AbstractDataset, DatasetError
from kedro.io.core import get_protocol_and_path
from kedro_datasets._typing import TablePreview

_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_LINES = (".jsonl", ".ndjson")


class ScoreTableDataset(AbstractDataset[NoReturn, pd.DataFrame]):
    """A score table, read only; every cell is text.

    As text, names such as 00123 keep their zeros, and a score that is no number can be named.

    Args:
        filepath: A `.csv`, `.tsv`, `.jsonl` or `.ndjson` file, local or with a protocol that
            fsspec knows (`s3://…`).
        load_args: Passed to pandas, for example `sep: "="`.
        credentials: Passed to the file system.
        fs_args: Passed to the file system.
        metadata: Not used here; kedro-viz reads it.
    """

    def __init__(
        self,
        *,
        filepath: str,
        load_args: dict[str, Any] | None = None,
        credentials: dict[str, Any] | None = None,
        fs_args: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._protocol, self._path = get_protocol_and_path(filepath)
        self._fs: AbstractFileSystem = fsspec.filesystem(
            self._protocol, **(credentials or {}), **(fs_args or {})
        )
        self._load_args = load_args or {}
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Read the table.

        Raises:
            DatasetError: If the file does not exist or is not a table of a known kind.
        """
        if not self._exists():
            raise DatasetError(
                f"The score table '{self._path}' does not exist. Name yours as `images.scores` in "
                f'conf/base/globals.yml, or with --params="images.scores=…".'
            )
        suffix = PurePosixPath(self._path).suffix.lower()
        if suffix not in (*_SEPARATORS, *_LINES):
            raise DatasetError(
                f"The score table '{self._path}' is none of "
                f"{', '.join((*_SEPARATORS, *_LINES))}. Export it as one of these."
            )
        with self._fs.open(self._path, "rb") as stream:
            try:
                if suffix in _LINES:
                    return pd.read_json(stream, lines=True, dtype=False, **self._load_args).astype(
                        "string"
                    )
                options = {"sep": _SEPARATORS[suffix], **self._load_args}
                return pd.read_csv(stream, dtype="string", **options)
            except ValueError as error:
                raise DatasetError(
                    f"The score table '{self._path}' cannot be read ({error}). It must be text in "
                    f"UTF-8 with one row per image."
                ) from error

    def save(self, data: NoReturn) -> NoReturn:
        """Raise: the table stays as it is."""
        raise DatasetError(f"The score table '{self._path}' is read only.")

    def preview(self, nrows: int = 5) -> TablePreview:
        """The first rows."""
        table = self.load.__wrapped__(self).head(nrows)  # type: ignore[attr-defined]
        return TablePreview(table.to_dict(orient="split"))

    def _exists(self) -> bool:
        return bool(self._fs.isfile(self._path))

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._path, "protocol": self._protocol}
