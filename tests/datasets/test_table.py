from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from selfscore.datasets.table import TableDataset


def test_lists_and_missing_numbers_have_a_preview(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "level": pd.array([3, pd.NA, 1], dtype="Int64"),
            "probabilities": [np.array([0.25, 0.75])] * 3,
            "text": ["Sharp.", "", "Blurred."],
        }
    )
    dataset = TableDataset(filepath=str(tmp_path / "table.parquet"))
    dataset.save(table)

    shown = json.loads(json.dumps(dataset.preview(nrows=2)))

    assert shown["columns"] == ["level", "probabilities", "text"]
    assert shown["data"] == [[3, [0.25, 0.75], "Sharp."], [None, [0.25, 0.75], ""]]
    assert dataset.load()["level"].isna().tolist() == [False, True, False]
