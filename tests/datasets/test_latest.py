"""The newest version at a place that stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from selfscore.datasets.latest import put_latest


def test_a_file_takes_the_place_of_the_last(tmp_path: Path) -> None:
    for text in ("first", "second"):
        (tmp_path / text).write_text(text)
        put_latest(tmp_path / text, tmp_path / "latest/report.html")
        assert (tmp_path / "latest/report.html").read_text() == text
    assert os.listdir(tmp_path / "latest") == ["report.html"]


def test_a_folder_takes_the_place_of_the_last(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.json").write_text(name)
        put_latest(tmp_path / name, tmp_path / "latest/policy")
        assert os.listdir(tmp_path / "latest/policy") == [f"{name}.json"]
    assert os.listdir(tmp_path / "latest") == ["policy"]


def test_what_cannot_be_read_leaves_the_last_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    put_latest(tmp_path / "a", tmp_path / "latest/a")
    with pytest.raises(FileNotFoundError):
        put_latest(tmp_path / "gone", tmp_path / "latest/a")
    assert (tmp_path / "latest/a").read_text() == "a"
    assert os.listdir(tmp_path / "latest") == ["a"]
