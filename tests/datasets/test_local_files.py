from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfscore.datasets.local_files import NoPlainFileError, files_below, printable, read_file


def below(root: Path) -> list[str]:
    return sorted(files_below(str(root)))


def test_folders_that_are_links_are_entered(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "images", tmp_path / "disk 2"
    (root / "a").mkdir(parents=True)
    (elsewhere / "deep").mkdir(parents=True)
    (root / "a/1.jpg").write_bytes(b"1")
    (elsewhere / "deep/2.jpg").write_bytes(b"2")
    (root / "more").symlink_to(elsewhere)
    assert below(root) == ["a/1.jpg", "more/deep/2.jpg"]
    (tmp_path / "link").symlink_to(root)
    assert below(tmp_path / "link") == below(root)


def test_circles_of_links_come_to_an_end_and_nothing_comes_twice(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "z").mkdir()
    (tmp_path / "a/up").symlink_to(tmp_path)
    (tmp_path / "a/over").symlink_to(tmp_path / "z")
    (tmp_path / "z/over").symlink_to(tmp_path / "a")
    (tmp_path / "z/1.jpg").write_bytes(b"1")
    assert below(tmp_path) == ["z/1.jpg"], "under its own name, not that of the link"


def test_a_folder_that_cannot_be_listed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "closed").mkdir()
    genuine = os.scandir

    def scan(path: str):
        # Root, as which tests may run, is refused nowhere.
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return genuine(path)

    monkeypatch.setattr(os, "scandir", scan)
    assert below(tmp_path) == []
    assert "closed' cannot be listed: Permission denied" in caplog.text


def test_what_is_no_plain_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "endless.jpg").symlink_to("/dev/zero")
    for name in ("pipe.jpg", "endless.jpg"):
        with pytest.raises(NoPlainFileError, match="a pipe or a device"):
            read_file(tmp_path / name)


def test_a_file_that_memory_cannot_hold_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "huge.jpg").open("wb") as file:
        file.truncate(3 * 2**30)  # takes no room on the disk
    with pytest.raises(NoPlainFileError, match="larger than 2 GiB"):
        read_file(tmp_path / "huge.jpg")


@given(st.binary(max_size=12))
def test_a_printable_name_is_text_and_text_stays(name: bytes) -> None:
    shown = printable(os.fsdecode(name))
    shown.encode("utf-8")
    if name.decode("utf-8", errors="ignore").encode() == name:
        assert shown.encode() == name
