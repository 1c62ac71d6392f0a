from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from kedro.io import DatasetError

from selfscore.datasets.records import RecordsDataset


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "labels"


def opened(folder: Path) -> RecordsDataset:
    return RecordsDataset(filepath=str(folder))


def test_what_is_put_in_is_there_for_everybody(folder: Path) -> None:
    records, beside = opened(folder).load(), opened(folder).load()
    assert not opened(folder).exists() and list(records) == []
    records["ännä/a"] = {"label": "ä"}
    beside["ben/a"] = {"label": "b"}
    assert dict(records) == {"ben/a": {"label": "b"}, "ännä/a": {"label": "ä"}}
    records["ben/a"] = {"label": "c"}
    assert dict(beside)["ben/a"] == {"label": "c"} and len(beside) == 2
    del records["ben/a"]
    assert "ben/a" not in beside


def test_a_process_that_is_killed_loses_nothing(folder: Path) -> None:
    code = (
        "import os; from selfscore.datasets.records import RecordsDataset\n"
        f"records = RecordsDataset(filepath={str(folder)!r}).load()\n"
        "records['anna/a'] = {'label': 'x'}\nos.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert dict(opened(folder).load()) == {"anna/a": {"label": "x"}}


@pytest.mark.parametrize("name", ["", "../x", "a/../b", "/a", "a//b", ".x", "a\\b", "a\n"])
def test_no_name_leads_out_of_the_folder(folder: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no name of a record"):
        opened(folder).load()[name] = {}
    assert not folder.exists()


@pytest.mark.parametrize("content", ["", "[1]", "{", "[" * 100_000])
def test_a_damaged_file_is_named(folder: Path, content: str) -> None:
    folder.mkdir()
    (folder / "anna.json").write_text(content)
    (folder / ".anna.json.part").write_text("half")
    records = opened(folder).load()
    assert list(records) == ["anna"]
    with pytest.raises(DatasetError, match=r"anna\.json' is no record"):
        records["anna"]


def test_it_is_no_output(folder: Path) -> None:
    with pytest.raises(DatasetError, match="kedro review"):
        opened(folder).save({})  # type: ignore[arg-type]
