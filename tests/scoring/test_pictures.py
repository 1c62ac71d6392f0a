from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from selfscore.scoring.pictures import find_files


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
