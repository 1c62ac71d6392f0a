"""Writes texts in one batch that does not fit, and in small ones: both must be the same."""

import resource
import sys
from pathlib import Path

SUPPORT = Path(__file__).parents[1] / "support"
sys.path.insert(0, str(SUPPORT))

import tiny_vlm  # noqa: E402
from cards import policy_over  # noqa: E402

from selfscore.vlm.loading.loader import load_vlm  # noqa: E402
from selfscore.vlm.options import Decoding  # noqa: E402
from selfscore.vlm.reading.features import ImageEncoder  # noqa: E402
from selfscore.vlm.writing.generation import Request, generate  # noqa: E402

ROWS, SMALL, MORE = 4000, 50, 60 * 2**20


def main(folder: Path) -> None:
    """Args: folder: where the model is saved."""
    tiny_vlm.save_idefics3(folder)
    vlm = load_vlm(policy_over(folder))
    images = tiny_vlm.pictures(1)
    rows = [Request(key, "Rate it.", "#Score: 3", seed) for key in images for seed in range(ROWS)]
    expected = generate(ImageEncoder(vlm, images), rows[:SMALL], Decoding(1.0, 3, SMALL), "small")
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MORE
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    texts = generate(ImageEncoder(vlm, images), rows, Decoding(1.0, 3, ROWS), "large")
    assert [row.text for row in texts[:SMALL]] == [row.text for row in expected]
    assert len(texts) == ROWS


main(Path(sys.argv[1]))
