import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from selfscore.faithfulness.faults import FAULTS, render_fault


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    """Edges and colours, of odd sides."""
    y, x = np.mgrid[0:121, 0:95]
    stripes = (x // 8 + y // 8) % 2 * 120 + 60
    return Image.fromarray(np.stack([stripes, 0.7 * stripes + 20, y], axis=-1).astype(np.uint8))


def pixels(picture: Image.Image) -> NDArray[np.float64]:
    return np.asarray(picture, np.float64)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_stronger_fault_changes_a_picture_more(picture: Image.Image, fault: str) -> None:
    changes = []
    for severity in (0.0, 0.4, 0.9):
        edited = render_fault(picture, fault, severity, np.random.default_rng(0))
        assert edited.size == picture.size and edited.mode == "RGB"
        changes.append(np.abs(pixels(edited) - pixels(picture)).mean())
    assert changes[0] < 1 and changes[0] < changes[1] < changes[2]


@pytest.mark.parametrize("fault", FAULTS)
def test_it_looks_alike_at_any_size(picture: Image.Image, fault: str) -> None:
    """Shrunk to one size, a large picture has changed as much as a small one."""
    size = (190, 242)
    whole = pixels(picture.resize(size, Image.Resampling.BICUBIC))
    changes = []
    for times in (6, 12):
        large = picture.resize((95 * times, 121 * times), Image.Resampling.BICUBIC)
        edited = render_fault(large, fault, 0.8, np.random.default_rng(0))
        changes.append(np.abs(pixels(edited.resize(size, Image.Resampling.BOX)) - whole).mean())
    assert 0.75 < changes[0] / changes[1] < 1.33


def test_grey_pictures_and_those_with_transparency_are_taken(picture: Image.Image) -> None:
    for mode in ("L", "RGBA", "P"):
        assert render_fault(picture.convert(mode), "noise", 0.5, np.random.default_rng(0)).mode == (
            "RGB"
        )


def test_a_severity_outside_of_its_bounds_is_refused(picture: Image.Image) -> None:
    with pytest.raises(ValueError, match="outside"):
        render_fault(picture, "blur", 1.5, np.random.default_rng(0))
