"""A folder of images, opened one at a time."""

# Annotations are evaluated here, because kedro-viz reads the return type of `preview`.

import base64
import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, NoReturn

from fsspec.implementations.local import LocalFileSystem
from fsspec.spec import AbstractFileSystem
from kedro.io import DatasetError
from kedro_datasets._typing import ImagePreview
from PIL import Image, ImageOps

from selfscore.datasets.local_files import (
    NoPlainFileError,
    files_below,
    printable,
    read_file,
)
from selfscore.datasets.located import LocatedDataset
from selfscore.datasets.pixels import (
    MAX_PIXELS,
    MOST_ASPECT,
    MOST_PIXELS,
    NAME_IS_NO_TEXT,
    STRIP,
    SUFFIXES,
    UnreadableImageError,
    decode,
)

_REMEDY = (
    "Name the folder with your images as `images.folder` (to learn from) or `scoring.images` (to "
    'score) in conf/base/globals.yml, or with --params="images.folder=…".'
)
_PREVIEWED = 12
_TILE = 160


class ImageFolder(Mapping[str, Image.Image]):
    """The images below a folder, by their path relative to it.

    An image is opened when it is asked for, and comes upright and in RGB, see
    `selfscore.datasets.pixels`. Folders that are links are entered. A file whose name is not UTF-8
    is listed by its printable name and is unreadable.

    Args:
        file_system: Where the folder is.
        root: The folder.
        max_pixels: An image with more pixels is unreadable.
    """

    def __init__(
        self, file_system: AbstractFileSystem, root: str, max_pixels: int = MAX_PIXELS
    ) -> None:
        self._fs = file_system
        self._max_pixels = max_pixels
        # As the file system writes it in its listings.
        self._root: str = file_system._strip_protocol(root).rstrip("/")
        self._is_local = isinstance(file_system, LocalFileSystem)
        found = [name for name in self._list() if PurePosixPath(name).suffix.lower() in SUFFIXES]
        self._names = sorted(map(printable, found))
        self._known = frozenset(self._names)
        self._no_text = self._known.difference(found)

    def __getitem__(self, key: str) -> Image.Image:
        """Open an image.

        Raises:
            KeyError: If there is no such image in the folder.
            UnreadableImageError: If the file cannot be decoded.
        """
        return self._decode(key, self.read_bytes(key))

    def verify(self, key: str) -> str:
        """Decode an image, and give the sha256 of its file; the file is read once.

        Raises:
            KeyError: If there is no such image in the folder.
            UnreadableImageError: If the file cannot be opened or decoded, or is a mere strip.
        """
        try:
            content = self.read_bytes(key)
        except OSError as error:
            raise UnreadableImageError("the file cannot be opened", self._name(key)) from error
        width, height = self._decode(key, content).size
        if max(width, height) > MOST_ASPECT * min(width, height):
            raise UnreadableImageError(STRIP, self._name(key))
        return hashlib.sha256(content).hexdigest()

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, key: object) -> bool:
        return key in self._known

    def read_bytes(self, key: str) -> bytes:
        """Content of an image file, as it is stored.

        Raises:
            KeyError: If there is no such image in the folder.
            UnreadableImageError: If it is no plain file, or its name is no text.
        """
        if key not in self._known:
            raise KeyError(f"There is no image '{key}' in '{self._root}'.")
        if key in self._no_text:
            raise UnreadableImageError(NAME_IS_NO_TEXT, self._name(key))
        path = f"{self._root}/{key}"
        try:
            content: bytes = read_file(path) if self._is_local else self._fs.cat_file(path)
        except NoPlainFileError as error:
            raise UnreadableImageError(str(error), self._name(key)) from error
        return content

    def _list(self) -> Iterable[str]:
        if self._is_local:
            return files_below(self._root)
        return (name[len(self._root) + 1 :] for name in self._fs.find(self._root))

    def _decode(self, key: str, content: bytes) -> Image.Image:
        try:
            return decode(content, self._max_pixels)
        except UnreadableImageError as error:
            raise UnreadableImageError(error.reason, self._name(key)) from error

    def _name(self, key: str) -> str:
        return f"'{key}' in '{self._root}'"


class ImageFolderDataset(LocatedDataset[ImageFolder]):
    """The images below a folder, read only.

    Args:
        max_pixels: An image with more pixels is unreadable, 1 to `pixels.MOST_PIXELS`.
        place: As of `LocatedDataset`; `filepath` is the folder.
    """

    def __init__(self, *, max_pixels: int = MAX_PIXELS, **place: Any) -> None:
        if not 1 <= max_pixels <= MOST_PIXELS:
            raise DatasetError(
                f"`images.max_pixels` must be 1 to {MOST_PIXELS}, not {max_pixels}. Scale larger "
                f"images down first; the models look at far fewer pixels."
            )
        self._max_pixels = max_pixels
        super().__init__(**place)

    def load(self) -> ImageFolder:
        """List the images; none is opened yet.

        Raises:
            DatasetError: If the folder does not exist or holds no images.
        """
        if not self._fs.isdir(self._path):
            raise DatasetError(f"The image folder '{self._path}' does not exist. {_REMEDY}")
        folder = ImageFolder(self._fs, self._path, self._max_pixels)
        if not folder:
            raise DatasetError(
                f"The image folder '{self._path}' holds no images "
                f"({', '.join(suffix[1:] for suffix in SUFFIXES)}). {_REMEDY}"
            )
        return folder

    def save(self, data: NoReturn) -> NoReturn:
        """Raise: images stay where they are."""
        raise DatasetError(f"The image folder '{self._path}' is read only.")

    def preview(self) -> ImagePreview:
        """A contact sheet of a few images, spread over the folder."""
        folder = self.load.__wrapped__(self)  # type: ignore[attr-defined]
        names = list(folder)[:: max(1, len(folder) // _PREVIEWED)][:_PREVIEWED]
        columns = min(4, len(names))
        rows = -(-len(names) // columns)
        sheet = Image.new("RGB", (columns * _TILE, rows * _TILE), "white")
        for place, name in enumerate(names):
            tile = ImageOps.fit(folder[name], (_TILE, _TILE))
            sheet.paste(tile, (place % columns * _TILE, place // columns * _TILE))
        stream = io.BytesIO()
        sheet.save(stream, "PNG")
        return ImagePreview(base64.b64encode(stream.getvalue()).decode())

    def _exists(self) -> bool:
        return bool(self._fs.isdir(self._path))
