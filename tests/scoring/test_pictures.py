from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from selfscore.datasets.pixels import UnreadableImageError
from selfscore.scoring.pictures import find_files, pictures


@pytest.fixture
def folder(image_folder: Callable[..., Path]) -> Path:
    root = image_folder("b.png", "a.JPG", "deep/er/c.webp", "photo[1].png", "with blank.png")
    (root / "notes.txt").write_text("no image")
    return root


def found(folder: Path, *places: str) -> list[str]:
    return [str(file.relative_to(folder)) for file in find_files([str(folder / p) for p in places])]


def test_a_folder_gives_all_images_below_it(folder: Path) -> None:
    expected = ["a.JPG", "b.png", "deep/er/c.webp", "photo[1].png", "with blank.png"]
    assert found(folder, "") == expected


def test_a_glob_gives_images_alone(folder: Path) -> None:
    assert found(folder, "*") == ["a.JPG", "b.png", "photo[1].png", "with blank.png"]
    assert found(folder, "**/*.webp") == ["deep/er/c.webp"]


def test_a_file_is_taken_whatever_it_is_called(folder: Path) -> None:
    assert found(folder, "notes.txt", "photo[1].png") == ["notes.txt", "photo[1].png"]


def test_the_order_is_that_of_the_places_and_nothing_comes_twice(folder: Path) -> None:
    assert found(folder, "b.png", "*.png", "a.JPG") == [
        "b.png",
        "photo[1].png",
        "with blank.png",
        "a.JPG",
    ]


@pytest.mark.parametrize("place", ["gone.jpg", "*.gif", "empty"])
def test_a_place_without_images_is_named(folder: Path, place: str) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="There is no image at"):
        found(folder, "b.png", place)


def test_folders_that_are_links_are_entered(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "linked").symlink_to(folder)
    (folder / "back").symlink_to(tmp_path)
    assert len(find_files([str(tmp_path / "linked")])) == 5


def test_what_cannot_be_opened_says_why_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "endless.jpg").symlink_to("/dev/zero")
    Image.new("RGB", (8, 6)).save(os.fsencode(tmp_path) + b"/caf\xe9.jpg", "JPEG")
    reasons = {}
    for picture in pictures(find_files([str(tmp_path)])):
        with pytest.raises(UnreadableImageError) as error:
            picture.open()
        reasons[Path(picture.name).name] = error.value.reason
    assert reasons == {
        "caf<E9>.jpg": "the file's name is not UTF-8; rename it",
        "endless.jpg": "it is a pipe or a device, not a file",
        "pipe.jpg": "it is a pipe or a device, not a file",
    }
