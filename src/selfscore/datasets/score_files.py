"""Files with scores as people have them: one table, or the lists of a published data set.

Knows where the files are. Does not know what stands in them: `selfscore.datasets.formats` does.
"""

# Annotations are evaluated here, because kedro-viz reads the return type of `preview`.

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any, NoReturn

import pandas as pd
from fsspec.spec import AbstractFileSystem
from kedro.io import DatasetError
from kedro_datasets._typing import TablePreview

from selfscore.datasets.formats.text import is_table, read_table
from selfscore.datasets.located import LocatedDataset, located

logger = logging.getLogger(__name__)

_REMEDY = (
    'Name yours as `images.scores` in conf/base/globals.yml, or with --params="images.scores=…".'
)


class ScoreFiles(Mapping[str, bytes]):
    """The content of one score file or of the files below a folder, by relative path.

    A file is read when it is asked for.

    Args:
        file_system: Where the files are.
        place: A file or a folder.
        listed: Paths of the files below the folder that count; None for all of them.
        unit: What is known of the scale of their scores, in words; None if nothing is.
    """

    def __init__(
        self,
        file_system: AbstractFileSystem,
        place: str,
        listed: Sequence[str] | None = None,
        unit: str | None = None,
    ) -> None:
        self._fs = file_system
        self.unit = unit
        # As the file system writes it in its listings.
        self.place: str = file_system._strip_protocol(place)
        self.is_one_file = bool(file_system.isfile(self.place))
        folder = self.place.rpartition("/")[0] if self.is_one_file else self.place
        self._root = folder.rstrip("/") + "/"
        found = [self.place] if self.is_one_file else file_system.find(self.place)
        names = sorted(name.removeprefix(self._root) for name in found)
        self._names = names if listed is None else list(listed)

    def __getitem__(self, key: str) -> bytes:
        """Read a file.

        Raises:
            KeyError: If there is no such file.
        """
        if key not in self._names:
            raise KeyError(f"There is no file '{key}' in '{self._root}'.")
        content: bytes = self._fs.cat_file(self._root + key)
        return content

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def find(self, file_name: str) -> str | None:
        """Path of the file with this name, in whichever folder; None if there is none.

        Raises:
            ValueError: If there are several.
        """
        found = [name for name in self._names if PurePosixPath(name).name == file_name]
        if len(found) > 1:
            raise ValueError(
                f"'{self.place}' holds {len(found)} files called '{file_name}': "
                f"{', '.join(found)}. Name the folder with the right one as `images.scores`."
            )
        return found[0] if found else None

    def named(self, file_name: str) -> str:
        """Path of the file with this name.

        Raises:
            ValueError: If there is none, or there are several.
        """
        found = self.find(file_name)
        if found is None:
            raise ValueError(
                f"There is no file '{file_name}' in '{self.place}'. Name the folder that holds it "
                f"as `images.scores`, or choose another `ingestion.format`."
            )
        return found

    def single(self, file_name: str) -> str:
        """Path of the file that `images.scores` names itself, or of the one with this name in it.

        Raises:
            ValueError: If `images.scores` names a folder without that file.
        """
        return self._names[0] if self.is_one_file else self.named(file_name)


class ScoreFilesDataset(LocatedDataset[ScoreFiles]):
    """A file with scores, or several, or a folder of such files, read only.

    Args:
        filepath: A file, a list of files, or a folder.
        demo: The demo's folder, where the catalog names it.
        demo_unit: The scale of the demo's scores in words.
        images: The folder of the images that the scores are for, where the catalog names it.
        place: As of `LocatedDataset`.
    """

    def __init__(
        self,
        *,
        filepath: str | Sequence[str],
        demo: str | None = None,
        demo_unit: str | None = None,
        images: str | None = None,
        **place: Any,
    ) -> None:
        files = [filepath] if isinstance(filepath, str) else list(filepath)
        if not files:
            raise DatasetError(f"`images.scores` is an empty list. {_REMEDY}")
        # Of several the folder above them all, so that they have a place in manifests.
        above = os.path.commonprefix(files).rpartition("/")[0] or "."
        super().__init__(filepath=files[0] if len(files) == 1 else above, **place)
        self._listed: list[str] | None = None
        self._files = [self._fs._strip_protocol(located(file)[1]) for file in files]
        if len(files) > 1:
            root = self._fs._strip_protocol(self._path)
            self._listed = [file.removeprefix(root).lstrip("/") for file in self._files]
            self._filename_suffix = tuple(self._listed)
        self._demo, self._demo_unit, self._images = demo, demo_unit, images

    def load(self) -> ScoreFiles:
        """List the files; none is read yet.

        Raises:
            DatasetError: If there is no such file or folder.
        """
        missing = [file for file in self._files if not self._fs.exists(file)]
        if missing:
            raise DatasetError(f"The scores '{missing[0]}' do not exist. {_REMEDY}")
        demo = self._is_demo(self._files[0])
        if self._images and demo and not self._is_demo(self._images):
            logger.warning(
                "The images are '%s', but the scores are still the demo's ('%s'). %s",
                self._images,
                self._files[0],
                _REMEDY,
            )
        return ScoreFiles(
            self._fs, self._path, self._listed, unit=self._demo_unit if demo else None
        )

    def save(self, data: NoReturn) -> NoReturn:
        """Raise: scores stay as they are."""
        raise DatasetError(f"The scores '{self._path}' are read only.")

    def preview(self, nrows: int = 5) -> TablePreview:
        """The first rows of a table; otherwise the first files."""
        files = self.load.__wrapped__(self)  # type: ignore[attr-defined]
        name = next(iter(files))
        table = pd.DataFrame({"file": list(files)})
        if files.is_one_file and is_table(name):
            # The lists of published data sets are called .txt too, and are no tables.
            with suppress(ValueError):
                table = read_table(name, files[name]).rows
        return TablePreview(table.head(nrows).to_dict(orient="split"))

    def _is_demo(self, place: str) -> bool:
        if self._demo is None:
            return False
        paths = [self._fs._strip_protocol(path) + "/" for path in (place, self._demo)]
        return paths[0].startswith(paths[1])
