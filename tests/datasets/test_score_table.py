from __future__ import annotations

from pathlib import Path

import pytest
from kedro.io import DatasetError

from selfscore.datasets.score_table import ScoreTableDataset


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("scores.csv", "image,score\n00123,4.50\n00124,\n"),
        ("scores.tsv", "image\tscore\n00123\t4.50\n00124\t\n"),
        (
            "scores.jsonl",
            '{"image": "00123", "score": "4.50"}\n{"image": "00124", "score": null}\n',
        ),
    ],
)
def test_every_cell_is_text(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    table = ScoreTableDataset(filepath=str(tmp_path / name)).load()
    assert list(table["image"]) == ["00123", "00124"]
    assert table["score"][0] == "4.50"
    assert table["score"].isna().tolist() == [False, True]


def test_other_separator(tmp_path: Path) -> None:
    (tmp_path / "votes.csv").write_text("image=score\na=3\n")
    table = ScoreTableDataset(filepath=str(tmp_path / "votes.csv"), load_args={"sep": "="}).load()
    assert list(table.columns) == ["image", "score"]


def test_numbers_in_json_lines(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"image": "a.png", "score": 4.5}\n')
    assert ScoreTableDataset(filepath=str(tmp_path / "a.jsonl")).load()["score"][0] == "4.5"


def test_missing_table_names_file_and_remedy(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"nope\.csv' does not exist.*images\.scores"):
        ScoreTableDataset(filepath=str(tmp_path / "nope.csv")).load()


def test_unknown_kind(tmp_path: Path) -> None:
    (tmp_path / "scores.xlsx").write_bytes(b"PK")
    with pytest.raises(DatasetError, match=r"none of \.csv, \.tsv.*Export"):
        ScoreTableDataset(filepath=str(tmp_path / "scores.xlsx")).load()


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.csv", b""), ("a.csv", "caf\u00e9,score\n".encode("latin-1")), ("a.jsonl", b"{not json\n")],
)
def test_unreadable_table(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DatasetError, match=r"cannot be read.*one row per image"):
        ScoreTableDataset(filepath=str(tmp_path / name)).load()


def test_table_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="read only"):
        ScoreTableDataset(filepath=str(tmp_path / "a.csv")).save({})


def test_preview_shows_first_rows(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("image,score\n" + "a,1\n" * 30)
    assert len(ScoreTableDataset(filepath=str(tmp_path / "a.csv")).preview(nrows=3)["data"]) == 3
