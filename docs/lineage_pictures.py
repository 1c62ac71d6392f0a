"""Takes the pictures of the lineage in docs/figures: builds the site and looks at it in Chromium.

    python -m docs.lineage_pictures

Run it after `make run`, because the previews show that run's data. Knows how kedro-viz's page is
worked (its addresses, its classes); needs playwright and a Chromium, as the tests of pages do.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from PIL import Image

from docs.lineage_site import build, served
from tests.support.chromium import opened

FIGURES = Path("docs/figures")
# What kedro-viz keeps in the browser: light, and without sidebar, map and announcements.
_VIEW = {
    "theme": "light",
    "showFeatureHints": False,
    "visible": {"miniMap": False, "sidebar": False},
}
_SETTLED = 2500  # milliseconds until its animations have ended
_MARGIN = 48  # pixels around a graph


def take(project: Path) -> None:
    """Build the site of a project and save the pictures of it in docs/figures/lineage*.png.

    Args:
        project: root of the project, with the data of a whole run.
    """
    with served(build(project)) as address, opened() as browser:
        page = browser.new_page(
            viewport={"width": 1560, "height": 900},
            device_scale_factor=1.25,
        )
        page.add_init_script(f"localStorage.setItem('KedroViz', {json.dumps(json.dumps(_VIEW))})")

        _open(page, address)
        _save(page, "lineage", _around_nodes(page))
        _open(page, f"{address}?pid=iteration&types=nodes&fid=iteration_1")
        page.click(".pipeline-node--modularPipeline")
        page.mouse.move(0, 0)  # off the graph, which shows what lies under the pointer
        page.wait_for_timeout(_SETTLED)
        _save(page, "lineage_round", _around_nodes(page))

        page.set_viewport_size({"width": 1280, "height": 760})
        _open(page, f"{address}?pid=iteration&sn=iteration_1.consistency_pairs")
        page.get_by_text("Expand preview").click()
        page.wait_for_timeout(_SETTLED)
        _save(page, "lineage_table")


def _open(page: Any, address: str) -> None:
    page.goto(address)
    page.wait_for_selector(".pipeline-node")
    page.wait_for_timeout(_SETTLED)


def _around_nodes(page: Any) -> dict[str, float]:
    """The rectangle of all nodes, with a margin."""
    boxes = [node.bounding_box() for node in page.query_selector_all(".pipeline-node")]
    left = min(box["x"] for box in boxes) - _MARGIN
    top = min(box["y"] for box in boxes) - _MARGIN
    return {
        "x": left,
        "y": top,
        "width": max(box["x"] + box["width"] for box in boxes) + _MARGIN - left,
        "height": max(box["y"] + box["height"] for box in boxes) + _MARGIN - top,
    }


def _save(page: Any, name: str, clip: dict[str, float] | None = None) -> None:
    """Save what the page shows with few colours, which is all that it has."""
    shot = Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB")
    shot.quantize(128, dither=Image.Dither.NONE).save(FIGURES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    take(Path.cwd())
