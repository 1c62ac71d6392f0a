"""What has an image's name and is no plain file of its own, and what is no folder of images."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from benchmarks.hostile.images import SCORE, added, content_of
from benchmarks.hostile.ingestion import SOUND, picture, table, tried, write_images
from benchmarks.hostile.inputs import QUARANTINED, REFUSED, USED, Input

_WHOLE = picture(77)
_GONE = "cannot be opened|not in the image folder"
_PIPE = "a pipe or a device|cannot be opened"


def _link(target: str) -> Callable[[Path], None]:
    return lambda place: place.symlink_to(target)


def _linked_file(place: Path) -> None:
    (place.parents[1] / "elsewhere.png").write_bytes(_WHOLE)
    place.symlink_to("../elsewhere.png")


def _linked_folder(place: Path) -> None:
    place.parent.rmdir()
    (place.parents[2] / "elsewhere").mkdir()
    (place.parents[2] / "elsewhere/x.png").write_bytes(_WHOLE)
    place.parent.symlink_to("../elsewhere")


def _circle(place: Path) -> None:
    place.write_bytes(_WHOLE)
    (place.parent / "again").symlink_to("..")


def _hard_link(place: Path) -> None:
    (place.parents[1] / "elsewhere.png").write_bytes(_WHOLE)
    os.link(place.parents[1] / "elsewhere.png", place)


def _socket(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        os.chdir(place.parent)
        one.bind(place.name)


def links() -> Iterator[Input]:
    """Links, pipes and folders where an image is expected."""
    kind = "images: links, pipes, folders"
    for name, put, reason, file in (
        ("a link to a file", _linked_file, "", "x.png"),
        ("a link to another file's folder", _linked_folder, "", "sub/x.png"),
        ("a circle of links", _circle, "", "sub/x.png"),
        ("a hard link", _hard_link, "", "x.png"),
        ("a link to nothing", _link("nowhere.png"), _GONE, "x.png"),
        ("a link to itself", _link("x.png"), _GONE, "x.png"),
        ("a link to /dev/zero", _link("/dev/zero"), _PIPE, "x.png"),
        ("a link to /dev/null", _link("/dev/null"), _PIPE, "x.png"),
        ("a link to /proc/self/mem", _link("/proc/self/mem"), f"{_GONE}|empty", "x.png"),
        ("a link to a folder", _link("."), _GONE, "x.png"),
        ("a pipe", os.mkfifo, _PIPE, "x.png"),
        ("a socket", _socket, f"{_PIPE}|{_GONE}", "x.png"),
        ("a folder", Path.mkdir, _GONE, "x.png"),
        ("the content of another", content_of(picture(3)), "", "x.png"),
    ):
        yield added(kind, name, put, reason, file)


def names() -> Iterator[Input]:
    """Names that file systems allow and programs stumble over."""
    kind = "images: names of files"
    for name, file in {
        "a hidden file": ".x.png",
        "in a hidden folder": ".sub/x.png",
        "a line break": "x\ny.png",
        "250 letters": "x" * 246 + ".png",
        "twenty folders deep": "/".join(["d"] * 20) + "/x.png",
        "a dash first": "--help.png",
        "like a pattern": "x[1]*.png",
        "like a variable": "${HOME}.png",
        "per cents": "100%25 %s.png",
    }.items():
        yield added(kind, name, content_of(_WHOLE), "", file)
    for name, files, listed, reason in (
        ("two folders have it", ("a/x.png", "b/x.png"), "x.png", "2 files"),
        ("two suffixes have it", ("x.png", "x.jpg"), "x", "2 files"),
        ("two cases have it", ("X.png", "x.PNG"), "x.png", "2 files"),
        ("another suffix has it too", ("x.png", "x.jpg"), "x.png", ""),
        ("not UTF-8", (os.fsdecode(b"caf\xe9.png"),), "caf<E9>.png", "not UTF-8"),
    ):
        yield tried(
            kind,
            name,
            "",
            (QUARANTINED,) if reason else (USED,),
            make=lambda folder, files=files, listed=listed: _several(folder, files, listed),
            scores=dict(SOUND) if reason else {**SOUND, listed: SCORE},
            quarantined=[(listed, reason)] if reason else [],
        )


def _several(folder: Path, files: tuple[str, ...], listed: str) -> None:
    write_images(folder)
    for number, file in enumerate(files):
        (folder / "images" / file).parent.mkdir(exist_ok=True)
        (folder / "images" / file).write_bytes(picture(60 + number))
    (folder / "scores.csv").write_text(table({**SOUND, listed: SCORE}))


def _empty(folder: Path) -> None:
    (folder / "images").mkdir()


def _a_file(folder: Path) -> None:
    (folder / "images").write_bytes(picture(1))


def _other_files(folder: Path) -> None:
    _empty(folder)
    (folder / "images/readme.txt").write_text("see the other disk")
    (folder / "images/all.zip").write_bytes(b"PK\5\6" + bytes(18))


def _to_itself(folder: Path) -> None:
    (folder / "images").symlink_to("images")


_FOLDERS: Mapping[str, Callable[[Path], None]] = {
    "is not there": lambda folder: None,
    "is empty": _empty,
    "is a file": _a_file,
    "holds no image": _other_files,
    "is a link to itself": _to_itself,
}


def folders() -> Iterator[Input]:
    """An image folder that is none."""
    says = r"image folder '.*/images'.*images\.folder"
    for name, put in _FOLDERS.items():

        def make(folder: Path, put: Callable[[Path], None] = put) -> None:
            put(folder)
            (folder / "scores.csv").write_text(table())

        yield tried("images: the folder itself", name, "", (REFUSED,), says, make=make)


FAMILIES = (links, names, folders)
