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
    (tmp_path / "AVA.txt").write_text("1 2 3\n4,5\n")
    preview = ScoreFilesDataset(filepath=str(tmp_path / "AVA.txt")).preview()
    assert preview["data"] == [["AVA.txt"]]


def test_several_files(tmp_path: Path) -> None:
    for name in ("train.csv", "deep/test.csv", "other.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    places = [str(tmp_path / name) for name in ("train.csv", "deep/test.csv")]
    files = ScoreFilesDataset(filepath=places).load()
    assert dict(files) == {"train.csv": b"train.csv", "deep/test.csv": b"deep/test.csv"}
    assert not files.is_one_file
    with pytest.raises(DatasetError, match=r"gone\.csv' do not exist"):
        ScoreFilesDataset(filepath=[*places, str(tmp_path / "gone.csv")]).load()
    with pytest.raises(DatasetError, match="an empty list"):
        ScoreFilesDataset(filepath=[])


def test_the_users_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").write_text("image,score\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert list(ScoreFilesDataset(filepath="~/a.csv").load()) == ["a.csv"]
    assert list(ScoreFilesDataset(filepath="/my/project/~/a.csv").load()) == ["a.csv"]


def test_scores_forgotten_beside_new_images_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo/scores.csv").write_text("image,score\n")
    (tmp_path / "own.csv").write_text("image,score\n")
    demo, own = str(tmp_path / "demo"), str(tmp_path / "photos")
    for scores, images in (("demo/scores.csv", demo + "/images"), ("own.csv", own)):
        ScoreFilesDataset(filepath=str(tmp_path / scores), demo=demo, images=images).load()
    assert not caplog.records
    ScoreFilesDataset(filepath=demo + "/scores.csv", demo=demo, images=own).load()
    assert "photos', but the scores are still the demo's" in caplog.text
    assert "images.scores" in caplog.text
