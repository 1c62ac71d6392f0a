from __future__ import annotations

from pathlib import Path

import fsspec
import pytest
from kedro.io import DatasetError

from selfscore.datasets.score_files import ScoreFiles, ScoreFilesDataset


def test_one_file_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "mine [1].csv").write_bytes(b"image,score\n")
    (tmp_path / "other.csv").write_bytes(b"")

    files = ScoreFilesDataset(filepath=str(tmp_path / "mine [1].csv")).load()

    assert dict(files) == {"mine [1].csv": b"image,score\n"}
    assert files.is_one_file
    assert files.single("scores.csv") == "mine [1].csv"


def test_folder_is_searched_by_name(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists/test.txt").write_bytes(b"1")

    files = ScoreFilesDataset(filepath=str(tmp_path)).load()

    assert files.named("test.txt") == files.single("test.txt") == "lists/test.txt"
    assert files["lists/test.txt"] == b"1"
    assert files.find("train.txt") is None
    with pytest.raises(ValueError, match=r"no file 'train\.txt' in.*images\.scores.*format"):
        files.named("train.txt")
    with pytest.raises(KeyError, match=r"train\.txt"):
        files["train.txt"]


def test_two_files_of_one_name_are_not_guessed(tmp_path: Path) -> None:
    for folder in ("old", "new"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "test.txt").write_bytes(b"1")
    files = ScoreFilesDataset(filepath=str(tmp_path)).load()
    with pytest.raises(ValueError, match=r"2 files called 'test\.txt': new/test\.txt, old/test"):
        files.find("test.txt")


def test_missing_scores_name_place_and_remedy(tmp_path: Path) -> None:
    dataset = ScoreFilesDataset(filepath=str(tmp_path / "nope.csv"))
    assert not dataset.exists()
    with pytest.raises(DatasetError, match=r"nope\.csv' do not exist.*images\.scores"):
        dataset.load()


def test_scores_are_never_written(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="read only"):
        ScoreFilesDataset(filepath=str(tmp_path / "a.csv")).save({})


def test_other_file_systems() -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/scores-test/lists/a.csv", b"image,score\n")

    folder = ScoreFilesDataset(filepath="memory:///scores-test").load()
    file = ScoreFilesDataset(filepath="memory:///scores-test/lists/a.csv").load()

    assert isinstance(folder, ScoreFiles)
    assert dict(folder) == {"lists/a.csv": b"image,score\n"}
    assert dict(file) == {"a.csv": b"image,score\n"}


def test_preview_shows_first_rows_or_files(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("image,score\n" + "a,1\n" * 30)
    table = ScoreFilesDataset(filepath=str(tmp_path / "a.csv")).preview(nrows=3)
    assert table["data"] == [["a", "1"]] * 3
    assert ScoreFilesDataset(filepath=str(tmp_path)).preview()["data"] == [["a.csv"]]
    (tmp_path / "AVA.txt").write_text("1 2 3\n")
    preview = ScoreFilesDataset(filepath=str(tmp_path / "AVA.txt")).preview()
    assert preview["data"] == [["AVA.txt"]]
