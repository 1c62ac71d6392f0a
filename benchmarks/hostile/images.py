"""Image files: formats, faults, colour modes, sizes, and what only has an image's name."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.hostile.ingestion import SOUND, picture, table, tried, write_images
from benchmarks.hostile.inputs import QUARANTINED, USED, Input

_FORMATS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "BMP": "bmp", "TIFF": "tif", "GIF": "gif"}
SCORE = 3.125
_DAMAGED = "damaged or cut off|cannot be read as an image"
_NO_IMAGE = "cannot be read as an image"


def added(
    kind: str,
    name: str,
    put: Callable[[Path], None],
    reason: str = "",
    file: str = "x.png",
    listed: str = "",
    allowed: tuple[str, ...] = (),
) -> Input:
    """An input that is one file more beside the sound images.

    Args:
        kind: of the input.
        name: of the input.
        put: writes the file at its place.
        reason: why it cannot be used; "" if it can.
        file: its path in the folder.
        listed: its name in the table; "" for its path.
        allowed: outcomes, where both are right: with the reason or used.
    """

    def make(folder: Path) -> None:
        write_images(folder)
        place = folder / "images" / file
        place.parent.mkdir(parents=True, exist_ok=True)
        put(place)
        (folder / "scores.csv").write_text(table({**SOUND, f'"{listed or file}"': SCORE}))

    return tried(
        kind,
        name,
        "",
        allowed or ((QUARANTINED,) if reason else (USED,)),
        make=make,
        scores=dict(SOUND) if reason else {**SOUND, file: SCORE},
        quarantined=[(file, reason)] if reason else [],
    )


def content_of(content: bytes) -> Callable[[Path], None]:
    """Writes a file with this content."""

    def put(place: Path) -> None:
        place.write_bytes(content)

    return put


def _saved(mode: str, kind: str, **options: object) -> bytes:
    random = np.random.default_rng(5)
    samples = random.integers(0, 65535, (24, 32), dtype=np.uint16)
    pixels = random.integers(0, 255, (24, 32, 3), dtype=np.uint8)
    stream = io.BytesIO()
    if mode == "LAB":
        image = Image.new("LAB", (8, 8), (50, 10, 10))
    else:
        image = Image.fromarray(samples if mode == "I;16" else pixels)
        image = image if mode == "I;16" else image.convert(mode)
    image.save(stream, kind, **options)
    return stream.getvalue()


def formats() -> Iterator[Input]:
    """Each format, whole and with each fault, under its own suffix, in capitals and another's."""
    kind = "images: formats and faults"
    for format_, suffix in _FORMATS.items():
        whole = picture(77, format_, (32, 24))
        chance = random.Random(suffix)
        for fault, content, reason in (
            ("whole", whole, ""),
            ("empty", b"", "the file is empty"),
            ("its first half", whole[: len(whole) // 2], _DAMAGED),
            ("its first 12 bytes", whole[:12], _DAMAGED),
            ("bytes of chance", chance.randbytes(len(whole)), _NO_IMAGE),
            ("a web page", b"<!doctype html><h1>429 Too Many Requests</h1>", _NO_IMAGE),
            ("with rubbish behind", whole + b"<?php ?>" * 9, ""),
        ):
            file = f"x.{suffix}"
            yield added(kind, f"{format_}, {fault}", content_of(content), reason, file)
        yield added(
            kind, f"{format_}, .{suffix.upper()}", content_of(whole), file=f"x.{suffix.upper()}"
        )
        other = "jpg" if suffix != "jpg" else "png"
        yield added(kind, f"{format_}, called .{other}", content_of(whole), file=f"x.{other}")


def modes() -> Iterator[Input]:
    """Colour modes, EXIF, and files with several pictures."""
    kind = "images: modes and frames"
    for mode, (format_, suffix) in product(
        ("1", "L", "LA", "P", "RGBA", "CMYK", "I;16"), (("PNG", "png"), ("TIFF", "tif"))
    ):
        if (mode, format_) != ("CMYK", "PNG"):
            yield added(
                kind, f"{format_}, {mode}", content_of(_saved(mode, format_)), "", f"x.{suffix}"
            )
    for mode in ("I", "F", "LAB"):
        yield added(
            kind, f"TIFF, {mode}", content_of(_saved(mode, "TIFF")), "no agreed way", "x.tif"
        )
    for mode in ("CMYK", "L"):
        yield added(kind, f"JPEG, {mode}", content_of(_saved(mode, "JPEG")), "", "x.jpg")
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green", "blue")]
    for format_, suffix in (("GIF", "gif"), ("WEBP", "webp"), ("PNG", "png"), ("TIFF", "tif")):
        stream = io.BytesIO()
        frames[0].save(stream, format_, save_all=True, append_images=frames[1:])
        put, name = content_of(stream.getvalue()), f"{format_}, three frames"
        yield added(kind, name, put, "more than one frame", f"x.{suffix}")
    for orientation in (2, 3, 6, 8, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        turned = content_of(_saved("RGB", "JPEG", exif=exif))
        yield added(kind, f"EXIF orientation {orientation}", turned, "", "x.jpg")


def sizes() -> Iterator[Input]:
    """Odd sizes, and headers that claim more than there is."""
    kind = "images: sizes"
    for width, height in ((1, 1), (100, 1), (1, 101), (1, 4000), (4000, 1), (1000, 3)):
        content = picture(5, "PNG", (width, height))
        # Models of some architectures refuse strips, and with one picture the whole batch.
        reason = "times as long as wide" if max(width, height) > 100 * min(width, height) else ""
        yield added(kind, f"{width} × {height} pixels", content_of(content), reason)
    for width, height in ((60_000, 60_000), (2**31 - 1, 2**31 - 1), (100_000, 1000)):
        claim = content_of(_claiming(width, height))
        yield added(kind, f"a header of {width} × {height}", claim, "more than|damaged")
    yield added(kind, "a header of 0 × 0", content_of(_claiming(0, 0)), _DAMAGED)
    bomb = content_of(_text_bomb(_saved("RGB", "PNG")))
    yield added(kind, "a text in it that unpacks to 64 MB", bomb, _DAMAGED)


def others() -> Iterator[Input]:
    """Files of kinds that are not read, by an image's name."""
    kind = "images: other kinds called .png"
    drawing = b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>'
    files = {
        name: _saved("RGB", name) for name in ("ICO", "PPM", "TGA", "PCX", "SGI", "EPS", "PDF")
    }
    for name, content in {**files, "SVG": drawing, "ZIP": b"PK\5\6" + bytes(18)}.items():
        yield added(kind, name, content_of(content), _NO_IMAGE)


def flips() -> Iterator[Input]:
    """One bit of a file is another: the image is read, or it is in quarantine."""
    kind = "images: one bit is another"
    for (format_, suffix), seed in product(_FORMATS.items(), range(2)):
        content = bytearray(picture(77, format_, (32, 24)))
        chance = random.Random(f"{suffix} {seed}")
        place = chance.randrange(len(content))
        content[place] ^= 1 << chance.randrange(8)
        file = f"x.{suffix}"
        reason = "" if _can_be_read(bytes(content)) else _DAMAGED
        put = content_of(bytes(content))
        yield added(kind, f"{format_}, byte {place}, seed {seed}", put, reason, file)


def _can_be_read(content: bytes) -> bool:
    try:
        Image.open(io.BytesIO(content)).load()
    except Exception:  # Pillow's decoders raise almost anything.
        return False
    return True


def _chunk(name: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
    )


def _claiming(width: int, height: int) -> bytes:
    """A PNG of this size by its header, with no more than one row of pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(min(3 * width + 1, 1000)))
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", rows)
        + _chunk(b"IEND", b"")
    )


def _text_bomb(image: bytes) -> bytes:
    text = _chunk(b"zTXt", b"note\0\0" + zlib.compress(bytes(64 << 20)))
    return image[:33] + text + image[33:]


FAMILIES = (formats, modes, sizes, others, flips)
