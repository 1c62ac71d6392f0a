"""Parquet tables whose preview kedro-viz can show."""

# Annotations are evaluated here, because kedro-viz reads the return type of `preview`.

import json

from kedro_datasets._typing import TablePreview
from kedro_datasets.pandas import ParquetDataset


class TableDataset(ParquetDataset):
    """A parquet table that may hold lists and missing whole numbers.

    Kedro's own preview of such a table cannot be written as JSON, and kedro-viz stops on it.
    """

    def preview(self, nrows: int = 5) -> TablePreview:
        """The first rows."""
        table = self.load.__wrapped__(self).head(nrows)
        return TablePreview(json.loads(table.to_json(orient="split")))
