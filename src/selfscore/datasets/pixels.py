"""From the bytes of an image file to upright RGB pixels, or to the reason why there are none.

Knows the kinds of files and colour modes. Does not know where files are. Colour profiles are not
applied: pixels are taken to be sRGB, as most vision models' processors take them.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

SUFFIXES = (
    ".jpg",
    ".jpeg",
    ".jpe",
    ".jfif",
    ".png",
    ".webp",
    ".bmp",
    ".tif",
    ".tiff",
    ".gif",
    ".avif",
    ".heic",
    ".heif",
    ".hif",
)
# The content decides, not the suffix; an MPO is opened as the JPEG it begins with. Pillow's other
# kinds stay out: some start other programs.
_KINDS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF")
# Of HEIC, as cameras write it: ISO/IEC 23008-12, table of brands.
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
NAME_IS_NO_TEXT = "the file's name is not UTF-8; rename it"
# Models scale pictures to squares or patches, and refuse those of which nothing would be left:
# Qwen2-VL from 200 on.
MOST_ASPECT = 100
STRIP = f"more than {MOST_ASPECT} times as long as wide"
_MODES = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV")
_BITS_PER_SAMPLE = 258  # a TIFF tag
MAX_PIXELS = 89_478_485
# Pillow opens nothing larger: twice its own `Image.MAX_IMAGE_PIXELS`.
MOST_PIXELS = 2 * MAX_PIXELS


class UnreadableImageError(ValueError):
    """A file that cannot be used as an image.

    Args:
        reason: Why, in a few words that are the same for all files with this fault.
        file: What the message calls the file.
    """

    def __init__(self, reason: str, file: str = "The image") -> None:
        self.reason = reason
        super().__init__(f"{file} cannot be used: {reason}. Replace the file or leave it out.")


def decode(content: bytes, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decode an image file, turned upright as its EXIF data says.

    Greyscale, palette and CMYK become RGB; 16 bits per channel are scaled to 8; transparent parts
    show white.

    Args:
        content: The file, whole.
        max_pixels: An image with more pixels is not decoded (its header is enough to tell), which
            keeps small files that unpack to gigabytes out. At most `MOST_PIXELS`.

    Returns:
        The image, mode RGB.

    Raises:
        UnreadableImageError: If the file is empty, of an unknown kind, damaged, too large, of more
            than one frame, or in a colour mode with no agreed way to RGB.
    """
    if not content:
        raise UnreadableImageError("the file is empty")
    try:
        with Image.open(io.BytesIO(content), formats=_kinds(content)) as image:
            if image.width * image.height > max_pixels:
                raise UnreadableImageError(f"more than {max_pixels} pixels")
            # The further pictures of an MPO are a camera's previews; the first is the photograph.
            if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
                raise UnreadableImageError("more than one frame or page")
            white = _white(image)
            ImageOps.exif_transpose(image, in_place=True)
            return _to_rgb(image, white)
    except UnreadableImageError:
        raise
    except UnidentifiedImageError as error:
        raise UnreadableImageError("cannot be read as an image") from error
    except Image.DecompressionBombError as error:
        raise UnreadableImageError(f"more than {max_pixels} pixels") from error
    # Pillow's decoders raise almost anything on damaged files, SyntaxError and struct.error among
    # it.
    except Exception as error:
        raise UnreadableImageError("damaged or cut off") from error


def _kinds(content: bytes) -> tuple[str, ...]:
    """The kinds of file that Pillow tries.

    HEIC is read by a package of its own, which is under another licence than this project's
    dependencies and therefore optional.
    """
    if content[4:8] != b"ftyp" or content[8:12] not in _HEIF_BRANDS or b"avif" in content[12:64]:
        return _KINDS
    try:
        from pi_heif import register_heif_opener
    except ImportError as error:
        raise UnreadableImageError(
            "HEIC, which is read where pi-heif is installed (pip install pi-heif)"
        ) from error
    register_heif_opener()
    return ("HEIF",)


def upright_rgb(image: Image.Image) -> Image.Image:
    """A copy of an opened image, upright and in RGB as `decode` gives it.

    Raises:
        UnreadableImageError: If there is no agreed way to RGB from its colour mode.
    """
    return _to_rgb(ImageOps.exif_transpose(image), _white(image))


def _white(image: Image.Image) -> int:
    """Largest sample of a 16-bit image; scanners write 12 bits into 16."""
    bits = getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, (16,))
    return int(2 ** bits[0] - 1)


def _to_rgb(image: Image.Image, white: int) -> Image.Image:
    if image.mode.startswith("I;16"):
        samples = np.asarray(image, dtype=np.float32) * (255 / white)
        return Image.fromarray(samples.round().clip(0, 255).astype(np.uint8)).convert("RGB")
    if image.mode not in _MODES:
        raise UnreadableImageError(f"colour mode {image.mode} has no agreed way to RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        paper = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(paper, layer).convert("RGB")
    return image.convert("RGB")
