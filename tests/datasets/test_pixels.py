from __future__ import annotations

import base64
import importlib.util
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from selfscore.datasets.pixels import MAX_PIXELS, UnreadableImageError, decode

RAMP = np.linspace(0, 65535, 64 * 8).reshape(8, 64).astype(np.uint16)


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def pixels(content: bytes) -> np.ndarray:
    image = decode(content)
    assert image.mode == "RGB"
    return np.asarray(image)


def png_chunk(name: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
    )


def png(width: int, height: int, bits: int, colour: int, rows: bytes) -> bytes:
    """A PNG file by hand: what Pillow cannot write, or would not."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", zlib.compress(rows))
        + png_chunk(b"IEND", b"")
    )


# Colour modes


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_not_clipped(kind: str) -> None:
    content = encode(Image.fromarray(RAMP), kind)
    expected = np.round(RAMP / 257).astype(np.uint8)
    np.testing.assert_array_equal(pixels(content), np.repeat(expected[..., None], 3, axis=2))


def test_16_bit_colour_is_scaled() -> None:
    samples = np.stack([RAMP, RAMP[::-1], RAMP[:, ::-1]], axis=2)
    rows = b"".join(b"\x00" + row.astype(">u2").tobytes() for row in samples)
    content = png(64, 8, bits=16, colour=2, rows=rows)
    error = pixels(content).astype(float) - samples / 257
    assert np.abs(error).max() < 1


def test_16_bit_is_upright_too() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = pixels(encode(Image.fromarray(RAMP), "PNG", exif=exif))
    assert turned.shape == (64, 8, 3)
    np.testing.assert_array_equal(turned[..., 0], np.rot90(np.round(RAMP / 257), -1))


def test_12_bits_in_16_are_scaled_by_what_the_file_says() -> None:
    rows, columns = 2, 4
    samples = np.array([[0, 1024, 2048, 4095]] * rows)
    packed = np.packbits(
        ((samples[..., None] >> np.arange(11, -1, -1)) & 1).astype(np.uint8).reshape(rows, -1),
        axis=1,
    ).tobytes()
    entries = [
        (256, 4, columns),
        (257, 4, rows),
        (258, 3, 12),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (277, 3, 1),
        (278, 4, rows),
        (279, 4, len(packed)),
    ]
    directory = struct.pack("<H", len(entries)) + b"".join(
        struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries
    )
    content = b"II*\x00" + struct.pack("<I", 8 + len(packed)) + packed + directory + b"\0" * 4
    np.testing.assert_array_equal(pixels(content)[0, :, 0], [0, 64, 128, 255])


@pytest.mark.parametrize("mode", ["I", "F"])
def test_samples_without_a_known_white_are_refused(mode: str) -> None:
    content = encode(Image.new(mode, (4, 4), 7), "TIFF")
    with pytest.raises(UnreadableImageError, match=f"colour mode {mode} has no agreed way"):
        decode(content)


def test_cmyk() -> None:
    content = encode(Image.new("CMYK", (16, 16), (255, 0, 0, 0)), "JPEG", quality=100)
    assert np.abs(pixels(content)[8, 8].astype(int) - [0, 255, 255]).max() <= 2


@pytest.mark.parametrize(("mode", "colour"), [("L", 200), ("1", 1)])
def test_grey_and_black_and_white(mode: str, colour: int) -> None:
    value = 200 if mode == "L" else 255
    assert (pixels(encode(Image.new(mode, (4, 4), colour), "PNG")) == value).all()


def test_transparent_parts_show_white() -> None:
    image = Image.new("RGBA", (3, 1))
    image.putdata([(255, 0, 0, 255), (0, 0, 0, 0), (0, 0, 0, 128)])
    for kind in ("PNG", "WEBP", "TIFF"):
        content = encode(image, kind, **({"lossless": True} if kind == "WEBP" else {}))
        shown = pixels(content)[0].astype(int)
        assert np.abs(shown - [[255, 0, 0], [255] * 3, [127] * 3]).max() <= 1, kind


def test_grey_with_alpha() -> None:
    assert (pixels(encode(Image.new("LA", (2, 2), (0, 0)), "PNG")) == 255).all()


def test_palette_with_and_without_a_transparent_colour() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putdata([0, 1])
    assert pixels(encode(image, "PNG"))[0].tolist() == [[10, 20, 30], [200, 100, 50]]
    transparent = encode(image, "PNG", transparency=0)
    assert pixels(transparent)[0].tolist() == [[255] * 3, [200, 100, 50]]


# Orientation and frames


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_upright(orientation: int) -> None:
    upright = np.arange(24, dtype=np.uint8).reshape(4, 6) * 10
    # Inverse of what EXIF asks a viewer to do (EXIF 2.32, tag 274).
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: np.rot90(upright),
        7: np.rot90(upright, 2).T,
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encode(Image.fromarray(np.ascontiguousarray(stored)), "PNG", exif=exif)
    np.testing.assert_array_equal(pixels(content)[..., 0], upright)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_several_frames_are_refused(kind: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    content = encode(frames[0], kind, save_all=True, append_images=frames[1:])
    with pytest.raises(UnreadableImageError, match="more than one frame or page"):
        decode(content)


def test_previews_in_a_photograph_are_no_frames() -> None:
    frames = [
        Image.new("RGB", size, colour) for size, colour in (((16, 8), "red"), ((8, 4), "blue"))
    ]
    content = encode(frames[0], "MPO", save_all=True, append_images=frames[1:])
    assert Image.open(io.BytesIO(content)).format == "MPO"
    shown = pixels(content)
    assert shown.shape == (8, 16, 3)
    assert shown[4, 8, 0] > 250


def test_still_gif() -> None:
    assert pixels(encode(Image.new("RGB", (4, 4), "red"), "GIF"))[0, 0].tolist() == [255, 0, 0]


# Size


def test_size_limit_is_checked_before_decoding() -> None:
    # The header of an image that would unpack to 3 GB.
    bomb = png(32768, 32768, bits=8, colour=2, rows=b"")
    with pytest.raises(UnreadableImageError, match=f"more than {MAX_PIXELS} pixels"):
        decode(bomb)


def test_size_limit_is_a_parameter() -> None:
    content = encode(Image.new("RGB", (10, 10)), "PNG")
    assert decode(content, max_pixels=100).size == (10, 10)
    with pytest.raises(UnreadableImageError, match="more than 99 pixels"):
        decode(content, max_pixels=99)


# Damage


def test_empty() -> None:
    with pytest.raises(UnreadableImageError, match="the file is empty"):
        decode(b"")


@pytest.mark.parametrize("content", [b"not an image", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"\x00" * 100])
def test_other_kinds_of_file(content: bytes) -> None:
    with pytest.raises(UnreadableImageError, match="cannot be read as an image"):
        decode(content)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_cut_off(kind: str) -> None:
    content = encode(Image.effect_noise((64, 64), 50), kind)
    assert decode(content).size == (64, 64)
    with pytest.raises(UnreadableImageError) as caught:
        decode(content[: len(content) // 2])
    # What says where the pixels are stands at the end of a TIFF.
    assert caught.value.reason in ("damaged or cut off", "cannot be read as an image")


def test_wrong_suffix_does_not_matter(tmp_path: Path) -> None:
    from selfscore.datasets.images import ImageFolderDataset

    (tmp_path / "really.jpg").write_bytes(encode(Image.new("RGB", (5, 4), "red"), "PNG"))
    assert ImageFolderDataset(filepath=str(tmp_path)).load()["really.jpg"].size == (5, 4)


def test_avif() -> None:
    found = pixels(encode(Image.new("RGB", (8, 6), (200, 30, 90)), "AVIF", quality=100))
    assert found.shape == (6, 8, 3)
    assert np.abs(found.astype(int) - (200, 30, 90)).max() < 8


# 16 x 8 pixels of one colour.
HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAXxtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAA"
    "AAAAAAAAAAACJpbG9jAAAAAERAAAEAAQAAAAABoAABAAAAAAAAADUAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAAB"
    "AABodmMxAAAAAA5waXRtAAAAAAABAAAA/GlwcnAAAADcaXBjbwAAAHVodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADw"
    "NgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQApQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbqrprm4CGgwIAA"
    "AAyAAAADAIRiAAEABkQBwXPBiQAAABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABAAAAAQAAAAChjbGFwAA"
    "AAEAAAAAEAAAAIAAAAAf///9AAAAAC////yAAAAAIAAAAQcGl4aQAAAAADCAgIAAAAGGlwbWEAAAAAAAAAAQABBYEC"
    "AwWEAAAAPW1kYXQAAAAxKAGvBjIWRzSJIPC/p0/9dp/Zfsk2s1snrhH6Y8fkt5CRnvRfexhS5Tx0IPScU7nNgA=="
)


def test_heic_names_what_reads_it() -> None:
    if importlib.util.find_spec("pi_heif") is not None:
        pytest.skip("pi-heif is installed")
    with pytest.raises(UnreadableImageError, match=r"HEIC.*pip install pi-heif"):
        decode(HEIC)


def test_heic() -> None:
    pytest.importorskip("pi_heif", reason="HEIC is read by pi-heif: pip install -e '.[heic]'")
    found = pixels(HEIC)
    assert found.shape == (8, 16, 3)
    assert np.abs(found.astype(int) - (200, 30, 90)).max() < 12
