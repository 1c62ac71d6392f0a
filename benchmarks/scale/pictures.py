"""As many different pictures as are asked for, made of the demo's by cutting their borders.

Knows files and scores; knows no model and no run.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from benchmarks.runs import PROJECT

DEMO = PROJECT / "data" / "01_raw" / "demo_images"
_COLUMNS = ("image", "score", "scene")
# Pictures in a folder, so that no folder gets too long a listing.
_IN_A_FOLDER = 1000


def write_pictures(count: int, folder: Path) -> dict[str, str]:
    """Write pictures and their table of scores.

    Every turn through the demo's pictures cuts one pixel more off each side and stores the rest
    anew, so no two files are alike and all need as much work as the demo's.

    Args:
        count: of pictures, at most 30 turns through the demo's.
        folder: for both; made if it is not there.

    Returns:
        `images` of globals.yml: the folder with the pictures, and the table.

    Raises:
        ValueError: more pictures are asked for than can be cut.
    """
    rows = _demo_rows()
    if count > 30 * len(rows):
        raise ValueError(f"{count} pictures were asked for; {30 * len(rows)} can be cut.")
    images, table = folder / "images", folder / "scores.csv"
    made = [_cut(number, rows, images) for number in range(count)]
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        writer.writerows(made)
    return {"folder": str(images.resolve()), "scores": str(table.resolve())}


def _demo_rows() -> list[dict[str, str]]:
    with (DEMO / "scores.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def _cut(number: int, rows: Sequence[dict[str, str]], images: Path) -> tuple[str, str, str]:
    turn, place = divmod(number, len(rows))
    row = rows[place]
    name = f"{number // _IN_A_FOLDER}/{number}.jpg"
    target = images / name
    target.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(DEMO / "images" / row["image"]) as picture:
        width, height = picture.size
        inner = picture.convert("RGB").crop((turn, turn, width - turn, height - turn))
        inner.save(target, quality=90)
    return name, row["score"], f"{turn}_{row['scene']}"
