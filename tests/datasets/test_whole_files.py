"""Whatever happens while a file is written, its place holds the old one or the new one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError
from kedro_datasets.json import JSONDataset
from kedro_datasets.matplotlib import MatplotlibDataset
from kedro_datasets.pandas import CSVDataset, ParquetDataset
from kedro_datasets.text import TextDataset
from matplotlib.figure import Figure
from small_files import small_files

from selfscore.datasets.table import TableDataset
from selfscore.datasets.whole_files import WholeFiles, write_whole_files


@pytest.fixture(autouse=True)
def whole_files() -> None:
    write_whole_files()


def table(rows: int) -> pd.DataFrame:
    return pd.DataFrame({"value": np.random.default_rng(0).random(rows)})


def figure(points: int) -> Any:
    drawn = Figure()
    drawn.subplots().plot(np.random.default_rng(0).random(points))
    return drawn


KINDS: dict[str, tuple[type, Callable[[int], Any]]] = {
    "a.parquet": (ParquetDataset, table),
    "b.parquet": (TableDataset, table),
    "a.csv": (CSVDataset, table),
    "a.json": (JSONDataset, lambda size: {"text": "x" * size}),
    "a.txt": (TextDataset, lambda size: "x" * size),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_file_that_is_too_large_leaves_the_one_before(name: str, tmp_path: Path) -> None:
    kind, make = KINDS[name]
    place = tmp_path / "folder" / name
    dataset = kind(filepath=str(place))
    dataset.save(make(10))
    before = place.read_bytes()
    with small_files(), pytest.raises(DatasetError) as caught:
        dataset.save(make(10_000))
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.filename == str(place)
    assert place.read_bytes() == before
    assert os.listdir(place.parent) == [name]


def test_a_picture_that_is_too_large_is_not_there(tmp_path: Path) -> None:
    dataset = MatplotlibDataset(filepath=str(tmp_path / "a.png"))
    picture = figure(100)
    with small_files(), pytest.raises(DatasetError):
        dataset.save(picture)
    assert os.listdir(tmp_path) == []


def test_an_error_half_way_leaves_the_file_before(tmp_path: Path) -> None:
    dataset = JSONDataset(filepath=str(tmp_path / "a.json"))
    dataset.save({"a": 1})
    with pytest.raises(DatasetError, match="not JSON serializable"):
        dataset.save({"a": 2, "b": object()})
    assert dataset.load() == {"a": 1}
    assert os.listdir(tmp_path) == ["a.json"]


def test_what_is_written_is_what_a_plain_file_system_writes(tmp_path: Path) -> None:
    files = WholeFiles()
    with files.open(str(tmp_path / "text"), "w", encoding="utf-8") as stream:
        stream.write("Bäume\n")
    with files.open(str(tmp_path / "bytes"), "wb") as stream:
        assert stream.write(memoryview(np.arange(3, dtype="int32"))) == 12
        assert stream.tell() == 12
    with files.open(str(tmp_path / "text"), "ab") as stream:
        stream.write(b"more")
    (tmp_path / "plain").touch()
    assert (tmp_path / "text").read_text(encoding="utf-8") == "Bäume\nmore"
    assert np.frombuffer((tmp_path / "bytes").read_bytes(), "int32").tolist() == [0, 1, 2]
    assert (tmp_path / "bytes").stat().st_mode == (tmp_path / "plain").stat().st_mode
    with pytest.raises(IsADirectoryError):
        files.open(str(tmp_path), "wb")


def test_one_that_is_never_closed_is_never_there(tmp_path: Path) -> None:
    stream = WholeFiles().open(str(tmp_path / "a"), "wb")
    stream.write(b"half")
    del stream
    assert os.listdir(tmp_path) == []


KILLED = """
import os, sys
from selfscore.datasets.whole_files import write_whole_files
write_whole_files()
import fsspec
with fsspec.filesystem("file").open(sys.argv[1], "w") as stream:
    stream.write('{"half": ' + " " * 100_000)
    stream.flush()
    os.kill(os.getpid(), 9)
"""


def test_a_process_that_is_killed_leaves_the_file_before(tmp_path: Path) -> None:
    place = tmp_path / "a.json"
    place.write_text('{"a": 1}')
    done = subprocess.run([sys.executable, "-c", KILLED, str(place)])
    assert done.returncode == -signal.SIGKILL
    assert json.loads(place.read_text()) == {"a": 1}
    # What is left beside it has no name that a dataset, a version or a partition could have.
    [left] = [name for name in os.listdir(tmp_path) if name != "a.json"]
    assert left.startswith(".a.json.") and left.endswith(".part")


def test_every_local_dataset_uses_it(tmp_path: Path) -> None:
    assert type(fsspec.filesystem("file")) is WholeFiles
    assert type(JSONDataset(filepath=str(tmp_path / "a.json"))._fs) is WholeFiles
