"""Takes the picture of the report in docs/figures: the newest report's summary in Chromium.

    python -m docs.report_picture

Run it after `make run`. Knows where runs keep their reports; needs playwright and a Chromium, as
the tests of pages do.
"""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from tests.support.chromium import opened

REPORTS = Path("data/08_reporting/report.html")
PICTURE = Path("docs/figures/report.png")


def take(project: Path) -> None:
    """Save the first screen of the newest report.

    Args:
        project: root of the project, with the data of a whole run.

    Raises:
        FileNotFoundError: no run has made a report yet.
    """
    reports = sorted((project / REPORTS).glob("*/report.html"))
    if not reports:
        raise FileNotFoundError(
            f"There is no report below '{project / REPORTS}': `make run` first."
        )
    with opened() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 1120}, color_scheme="light")
        page.goto(f"{reports[-1].resolve().as_uri()}#summary")
        shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    # With few colours, which is all that it has.
    shot.quantize(128, dither=Image.Dither.NONE).save(project / PICTURE, optimize=True)


if __name__ == "__main__":
    take(Path.cwd())
