from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import fsspec
import pytest
from kedro.io import DatasetError
from PIL import Image

from selfscore.datasets.images import ImageFolderDataset, UnreadableImageError

Maker = Callable[..., Path]


def test_names_are_relative_paths_in_order(image_folder: Maker) -> None:
    root = image_folder("b.png", "sub/a.jpg", "A.JPG")
    (root / "scores.csv").write_text("no image")

    folder = ImageFolderDataset(filepath=str(root)).load()

    assert list(folder) == ["A.JPG", "b.png", "sub/a.jpg"]
    assert "sub/a.jpg" in folder
    assert "scores.csv" not in folder


def test_image_is_rgb_and_upright(tmp_path: Path) -> None:
    image = Image.new("L", (8, 6), 200)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees
    image.save(tmp_path / "turned.jpg", exif=exif)

    loaded = ImageFolderDataset(filepath=str(tmp_path)).load()["turned.jpg"]

    assert loaded.mode == "RGB"
    assert loaded.size == (6, 8)


def test_nothing_is_opened_before_it_is_asked_for(image_folder: Maker) -> None:
    root = image_folder("good.png")
    (root / "broken.png").write_bytes(b"not an image")

    folder = ImageFolderDataset(filepath=str(root)).load()

    assert len(folder) == 2
    assert folder["good.png"].size == (8, 6)
    with pytest.raises(UnreadableImageError, match=r"broken\.png.*Replace the file"):
        folder["broken.png"]


def test_truncated_image_is_unreadable(tmp_path: Path) -> None:
    Image.effect_noise((64, 64), 50).save(tmp_path / "cut.jpg")
    content = (tmp_path / "cut.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(content[: len(content) // 2])

    with pytest.raises(UnreadableImageError, match=r"cut\.jpg"):
        ImageFolderDataset(filepath=str(tmp_path)).load()["cut.jpg"]


def test_verifying_gives_the_hash_of_the_file(image_folder: Maker) -> None:
    root = image_folder("a [1] \u00e9.png")
    (root / "empty.png").write_bytes(b"")
    folder = ImageFolderDataset(filepath=str(root)).load()

    name = "a [1] \u00e9.png"
    assert folder.verify(name) == hashlib.sha256((root / name).read_bytes()).hexdigest()
    with pytest.raises(UnreadableImageError, match=r"empty\.png.*the file is empty"):
        folder.verify("empty.png")


def test_file_that_has_gone_since_the_folder_was_listed(image_folder: Maker) -> None:
    root = image_folder("a.png")
    folder = ImageFolderDataset(filepath=str(root)).load()
    (root / "a.png").unlink()
    with pytest.raises(UnreadableImageError, match=r"a\.png.*the file cannot be opened"):
        folder.verify("a.png")


def test_relative_folder(image_folder: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(image_folder("sub/a.png").parent)
    assert list(ImageFolderDataset(filepath="images").load()) == ["sub/a.png"]


def test_size_limit(image_folder: Maker) -> None:
    root = image_folder("a.png")  # 8 x 6
    assert ImageFolderDataset(filepath=str(root), max_pixels=48).load()["a.png"].size == (8, 6)
    with pytest.raises(UnreadableImageError, match=r"a\.png.*more than 47 pixels"):
        ImageFolderDataset(filepath=str(root), max_pixels=47).load()["a.png"]
    with pytest.raises(DatasetError, match=r"max_pixels` must be 1 to 178956970"):
        ImageFolderDataset(filepath=str(root), max_pixels=10**9)


def test_unknown_name(image_folder: Maker) -> None:
    folder = ImageFolderDataset(filepath=str(image_folder("a.png"))).load()
    with pytest.raises(KeyError, match=r"b\.png"):
        folder["b.png"]


def test_missing_folder_names_folder_and_remedy(tmp_path: Path) -> None:
    dataset = ImageFolderDataset(filepath=str(tmp_path / "nowhere"))
    assert not dataset.exists()
    with pytest.raises(DatasetError, match=r"nowhere' does not exist\. .*images\.folder"):
        dataset.load()


def test_empty_folder_names_folder_and_remedy(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(DatasetError, match=r"holds no images \(jpg, .*images\.folder"):
        ImageFolderDataset(filepath=str(tmp_path)).load()


def test_images_are_never_written(image_folder: Maker) -> None:
    dataset = ImageFolderDataset(filepath=str(image_folder("a.png")))
    with pytest.raises(DatasetError, match="read only"):
        dataset.save({})


def test_other_file_systems(image_folder: Maker) -> None:
    memory = fsspec.filesystem("memory")
    memory.put(f"{image_folder('sub/a.png')}/", "/images-test/", recursive=True)

    folder = ImageFolderDataset(filepath="memory:///images-test").load()

    assert list(folder) == ["sub/a.png"]
    assert folder["sub/a.png"].size == (8, 6)


def test_preview_shows_a_sheet(image_folder: Maker) -> None:
    root = image_folder(*(f"{number}.png" for number in range(30)))
    preview = ImageFolderDataset(filepath=str(root)).preview()
    assert len(preview) > 100


def test_folders_that_are_links_are_entered(image_folder: Maker, tmp_path: Path) -> None:
    root, elsewhere = image_folder("a.png"), image_folder("sub/b.png", folder="elsewhere")
    (root / "more").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(root)
    folder = ImageFolderDataset(filepath=str(root)).load()
    assert list(folder) == ["a.png", "more/sub/b.png"]
    assert folder["more/sub/b.png"].size == (8, 6)


def test_pipes_and_devices_are_unreadable(image_folder: Maker) -> None:
    root = image_folder("a.png")
    os.mkfifo(root / "pipe.jpg")
    (root / "endless.jpg").symlink_to("/dev/zero")
    folder = ImageFolderDataset(filepath=str(root)).load()
    assert list(folder) == ["a.png", "endless.jpg", "pipe.jpg"]
    for name in ("endless.jpg", "pipe.jpg"):
        with pytest.raises(UnreadableImageError, match="it is a pipe or a device"):
            folder.verify(name)


def test_a_name_that_is_no_text_is_printable_and_unreadable(image_folder: Maker) -> None:
    root = image_folder("a.png")
    os.rename(root / "a.png", os.fsencode(root) + b"/caf\xe9.png")
    folder = ImageFolderDataset(filepath=str(root)).load()
    assert list(folder) == ["caf<E9>.png"]
    with pytest.raises(UnreadableImageError, match=r"caf<E9>\.png.*name is not UTF-8; rename it"):
        folder.verify("caf<E9>.png")


def test_the_users_own_folder(
    image_folder: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image_folder("a.png")
    monkeypatch.setenv("HOME", str(tmp_path))
    # The second is what Kedro makes of the first.
    for place in ("~/images", "/my/project/~/images"):
        assert list(ImageFolderDataset(filepath=place).load()) == ["a.png"]
