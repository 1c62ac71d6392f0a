from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path

import fsspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfscore.datasets.directory import MARKER, write_directory
from selfscore.datasets.score_files import ScoreFilesDataset
from selfscore.provenance.fingerprint import fingerprint, folder_sha256
from selfscore.provenance.places import Place, place_of

LOCAL = fsspec.filesystem("file")
NAMES = st.text("abc", min_size=1, max_size=4)
FOLDERS = st.dictionaries(NAMES | st.tuples(NAMES, NAMES).map("_/".join), st.binary(max_size=40))


def fill(folder: Path, files: dict[str, bytes]) -> Place:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return Place(LOCAL, str(folder))


@settings(max_examples=40, deadline=None)
@given(FOLDERS.filter(bool), st.randoms())
def test_a_folder_is_what_its_files_are(files, random):
    expected = folder_sha256(
        {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    )
    shuffled = list(files.items())
    random.shuffle(shuffled)
    memory = fsspec.filesystem("memory")
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        first = fingerprint(fill(Path(one), files))
        assert first.sha256 == expected
        assert fingerprint(fill(Path(other), dict(shuffled))).sha256 == expected
        memory.store.clear()
        for name, content in files.items():
            memory.pipe_file(f"/somewhere/{name}", content)
        assert fingerprint(Place(memory, "/somewhere")).sha256 == expected
        assert (first.files, first.size) == (len(files), sum(map(len, files.values())))


@settings(max_examples=40, deadline=None)
@given(FOLDERS.filter(bool), st.data())
def test_every_change_makes_another(files, data):
    with tempfile.TemporaryDirectory() as folder:
        place = fill(Path(folder), files)
        before = fingerprint(place)
        name = data.draw(st.sampled_from(sorted(files)))
        change = data.draw(st.sampled_from(["append", "rename", "remove", "add"]))
        if change == "append":
            (Path(folder) / name).write_bytes(files[name] + b"x")
        elif change == "rename":
            (Path(folder) / name).rename(Path(folder) / "renamed")
        elif change == "remove":
            (Path(folder) / name).unlink()
        else:
            fill(Path(folder), {"added": b""})
        try:
            after = fingerprint(place)
        except FileNotFoundError:
            assert change == "remove"
        else:
            assert after.sha256 != before.sha256
            assert after.stamp != before.stamp


def test_a_file_is_its_sha256(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 3_000_000)
    found = fingerprint(Place(LOCAL, str(tmp_path / "a")))
    assert found.sha256 == hashlib.sha256(b"x" * 3_000_000).hexdigest()


def test_the_marker_stands_for_the_files_of_a_folder_saved_as_a_whole(tmp_path):
    place = Place(LOCAL, str(tmp_path / "whole"))
    write_directory(LOCAL, place.path, lambda folder: fill(folder, {"a": b"1", "b/c": b"2"}))
    marker = json.loads((tmp_path / "whole" / MARKER).read_text())["sha256"]
    assert fingerprint(place).sha256 == folder_sha256(marker)
    # Whether the files are those that it lists is seen where they are read.
    (tmp_path / "whole" / "extra").write_bytes(b"")
    assert fingerprint(place, trust_marker=False).sha256 != folder_sha256(marker)
    (tmp_path / "whole" / MARKER).write_text("[]")
    assert fingerprint(place).sha256 != folder_sha256(marker)


def test_a_known_stamp_spares_the_reading(tmp_path):
    place = fill(tmp_path, {"a": b"1"})
    found = fingerprint(place)
    assert fingerprint(place, {found.stamp: "known"}).sha256 == "known"
    (tmp_path / "a").write_bytes(b"2")
    os.utime(tmp_path / "a", (1, 1))
    assert fingerprint(place, {found.stamp: "known"}).sha256 != "known"


def test_only_files_with_the_suffix_count(tmp_path):
    fill(tmp_path, {"a.csv": b"1", "b.json": b"2"})
    assert fingerprint(Place(LOCAL, str(tmp_path), ".csv")).files == 1


def test_nothing_has_no_fingerprint(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is nothing at"):
        fingerprint(Place(LOCAL, str(tmp_path / "none")))


def test_what_lies_behind_a_link_to_a_folder_counts(tmp_path):
    place = fill(tmp_path / "images", {"1.jpg": b"1"})
    fill(tmp_path / "elsewhere", {"2.jpg": b"2"})
    (tmp_path / "images/more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "images/gone.jpg").symlink_to("nowhere")
    os.mkfifo(tmp_path / "images/pipe.jpg")
    first = fingerprint(place)
    assert first.files == 2
    (tmp_path / "elsewhere/2.jpg").write_bytes(b"3")
    assert fingerprint(place).sha256 != first.sha256


def test_a_name_need_not_be_text(tmp_path):
    place = fill(tmp_path, {"1.jpg": b"1"})
    first = fingerprint(place)
    os.rename(tmp_path / "1.jpg", os.fsencode(tmp_path) + b"/caf\xe9.jpg")
    assert fingerprint(place).files == 1
    assert fingerprint(place).sha256 != first.sha256


def test_a_list_of_tables_is_what_they_hold(tmp_path):
    fill(tmp_path, {"train.csv": b"1", "deep/test.csv": b"2", "other.csv": b"3"})
    names = ("train.csv", "deep/test.csv")
    place = place_of(ScoreFilesDataset(filepath=[str(tmp_path / name) for name in names]))
    first = fingerprint(place)
    assert first.files == 2
    (tmp_path / "other.csv").write_bytes(b"4")
    assert fingerprint(place) == first
    (tmp_path / "deep/test.csv").write_bytes(b"4")
    assert fingerprint(place).sha256 != first.sha256


def test_what_is_not_there_is_no_folder_that_cannot_be_listed(tmp_path, caplog):
    with pytest.raises(FileNotFoundError):
        fingerprint(Place(LOCAL, str(tmp_path / "nothing")))
    assert not caplog.messages
