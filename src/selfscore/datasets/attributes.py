"""What is known of each image: a table with a column an attribute.

Knows where it lies and how it is written. Does not know what the attributes mean: the statement
lexicon does.
"""

# Annotations are evaluated here, because kedro-viz reads the return type of `preview`.

from typing import NoReturn

import pandas as pd
from kedro.io import DatasetError
from kedro_datasets._typing import TablePreview

from selfscore.datasets.formats import para, spaq
from selfscore.datasets.formats.decimals import with_points
from selfscore.datasets.formats.format import Format
from selfscore.datasets.formats.text import TextTable, is_table, read_table
from selfscore.datasets.located import LocatedDataset
from selfscore.datasets.score_files import ScoreFiles

# A file of a published data set → how it is read.
_PUBLISHED: dict[str, Format] = {
    "PARA-GiaaTrain.csv": para.FORMAT,
    "MOS and Image attribute scores.xlsx": spaq.FORMAT,
}
_IMAGE = ("image_id", "image", "path", "file", "filename", "name")
_REMEDY = "Name yours as `truth.severities` in conf/base/globals.yml."


class AttributesDataset(LocatedDataset[pd.DataFrame]):
    """Attributes of images, read only, from a table or from the folder of PARA's or SPAQ's.

    Args:
        place: As of `LocatedDataset`; `filepath` is a table in one of the kinds that scores may be
            in too, with the image in a column `image_id`, `image`, `path`, `file`, `filename` or
            `name`; or the folder with the annotations of PARA or SPAQ.
    """

    def load(self) -> pd.DataFrame:
        """Read the table.

        Returns:
            image_id (as the table names the image), and a column of numbers for each of its other
            columns that holds nothing else; empty cells are missing.

        Raises:
            DatasetError: If there is no such table, or none with images and numbers.
        """
        if not self._fs.exists(self._path):
            raise DatasetError(f"The attributes '{self._path}' do not exist. {_REMEDY}")
        files = ScoreFiles(self._fs, self._path)
        try:
            table, image = _read(files)
            names = [str(name) for name in table.rows if name != image]
            numbers = {name: _numbers(table, name) for name in names}
        except ValueError as error:
            raise DatasetError(f"{error} {_REMEDY}") from error
        known = {name: values for name, values in numbers.items() if values is not None}
        if not known:
            raise DatasetError(f"No column of '{self._path}' holds numbers alone. {_REMEDY}")
        return pd.DataFrame({"image_id": table.rows[image].fillna("").astype(str), **known})

    def save(self, data: NoReturn) -> NoReturn:
        """Raise: what is known of images stays as it is."""
        raise DatasetError(f"The attributes '{self._path}' are read only.")

    def preview(self, nrows: int = 5) -> TablePreview:
        """The first rows."""
        table = self.load.__wrapped__(self)  # type: ignore[attr-defined]
        return TablePreview(table.head(nrows).to_dict(orient="split"))


def _read(files: ScoreFiles) -> tuple[TextTable, str]:
    """The table as text, and its column with the images."""
    for name, published in _PUBLISHED.items():
        if files.find(name) is not None:
            return published.read(files), str(published.columns["image"])
    names = [name for name in files if is_table(name)]
    if len(names) != 1:
        raise ValueError(f"'{files.place}' holds {len(names)} tables, not one.")
    table = read_table(names[0], files[names[0]])
    columns = {str(column).strip().lower(): str(column) for column in table.rows}
    image = next((columns[name] for name in _IMAGE if name in columns), None)
    if image is None:
        raise ValueError(
            f"The table '{names[0]}' has no column {', '.join(_IMAGE[:-1])} or {_IMAGE[-1]}; its "
            f"columns are: {', '.join(table.rows.columns)}."
        )
    return table, image


def _numbers(table: TextTable, name: str) -> pd.Series | None:
    """A column as numbers; None if something else is in it, or nothing."""
    cells = table.rows[name]
    pointed = with_points(cells, sure=table.separator == ";")
    values = pd.to_numeric(cells if pointed is None else pointed, errors="coerce")
    empty = cells.isna() | (cells.str.strip() == "")
    if empty.all() or (values.isna() & ~empty).any():
        return None
    return values.astype("float64")
