"""Pictures to be scored: what they are called, and how they are opened.

Knows files, folders and globs. Does not know what is made of the pictures.
"""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PIL import Image

from selfscore.datasets.local_files import NoPlainFileError, files_below, printable, read_file
from selfscore.datasets.pixels import (
    NAME_IS_NO_TEXT,
    SUFFIXES,
    UnreadableImageError,
    decode,
    upright_rgb,
)


@dataclass(frozen=True)
class Picture:
    """A picture that is opened when its turn comes.

    Attributes:
        name: what the results call it.
        open: gives it upright and in RGB, or raises `UnreadableImageError`.
    """

    name: str
    open: Callable[[], Image.Image]


def pictures(images: Iterable[Path | str | Image.Image]) -> Iterator[Picture]:
    """Files by their path; images in memory are called "image 1", "image 2" and so on."""
    for place, image in enumerate(images, start=1):
        if isinstance(image, Image.Image):
            yield Picture(f"image {place}", partial(upright_rgb, image))
        else:
            yield Picture(printable(str(image)), partial(_read, Path(image)))


def pictures_of(source: Mapping[str, Image.Image]) -> Iterator[Picture]:
    """The pictures of a mapping that opens them when they are asked for."""
    for name in source:
        yield Picture(name, partial(_take, source, name))


def find_files(places: Sequence[str]) -> list[Path]:
    """The image files that are meant by files, folders and globs.

    A file is taken whatever it is called; of a folder (with all below it, folders that are links
    included) and of a glob, the files whose suffix is that of an image. Every file comes once, in
    the order of `places`.

    Raises:
        FileNotFoundError: a place is neither a file nor a folder, or holds no image.
    """
    found: dict[Path, None] = {}
    for place in places:
        files = _files_at(place)
        if not files:
            raise FileNotFoundError(
                f"There is no image at '{place}'. Name image files, folders that hold some "
                f"({', '.join(suffix[1:] for suffix in SUFFIXES)}), or a glob such as "
                "'photos/**/*.jpg'."
            )
        found |= dict.fromkeys(files)
    return list(found)


def _files_at(place: str) -> list[Path]:
    path = Path(place)
    # First of all a file: its name may hold what looks like a glob, as in `photo[1].jpg`.
    if path.is_file():
        return [path]
    inside = (
        (path / name for name in files_below(place))
        if path.is_dir()
        else map(Path, glob.glob(place, recursive=True))
    )
    return sorted(file for file in inside if file.suffix.lower() in SUFFIXES and not file.is_dir())


def _take(source: Mapping[str, Image.Image], name: str) -> Image.Image:
    try:
        return source[name]
    except OSError as error:
        raise UnreadableImageError("the file cannot be opened") from error


def _read(path: Path) -> Image.Image:
    if printable(str(path)) != str(path):
        raise UnreadableImageError(NAME_IS_NO_TEXT)
    try:
        content = read_file(path)
    except NoPlainFileError as error:
        raise UnreadableImageError(str(error)) from error
    except OSError as error:
        raise UnreadableImageError("the file cannot be opened") from error
    return decode(content)
