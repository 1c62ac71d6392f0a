"""The page for raters: one file that needs nothing beside it, pictures and all.

What the model wrote is data in the page and becomes text by its script. The page forbids the
browser to load anything and to run any script but its own. It says which level is shown, and
neither which are planted nor what the model gave.
"""

from __future__ import annotations

import base64
import hashlib
import json
from importlib.resources import files
from typing import Any

import pandas as pd

from selfscore.report.gallery import thumbnail
from selfscore.report.tables import records
from selfscore.study.items import CHECK, study_id
from selfscore.vlm.images import ImageSource


def write_page(items: pd.DataFrame, images: ImageSource, best: int, pixels: int) -> str:
    """The page as HTML.

    Args:
        items: see `selfscore.study.items.draw_items`.
        images: pictures by path.
        best: the highest level.
        pixels: longer side of a picture.
    """
    source = files("selfscore")
    page, script, style = (
        (source / name).read_text(encoding="utf-8")
        for name in ("study/page/study.html", "study/page/script.js", "local_page/style.css")
    )
    paths = items["path"].drop_duplicates().tolist()
    data = {
        "study": study_id(items),
        "best": best,
        "pictures": [thumbnail(images[path], pixels) for path in paths],
        "seats": _seats(items, {path: place for place, path in enumerate(paths)}),
    }
    policy = (
        f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'"
    )
    # A text cannot end the element that holds it.
    told = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
    parts = {"{policy}": policy, "{style}": style, "{script}": script, "{data}": told}
    for name, part in parts.items():
        page = page.replace(name, part, 1)
    return page


def _seats(items: pd.DataFrame, places: dict[str, int]) -> list[list[dict[str, Any]]]:
    shown = items.sort_values(["seat", "order"])
    return [
        [_item(row) | {"picture": places[row["path"]]} for row in records(seat)]
        for _, seat in shown.groupby("seat")
    ]


def _item(row: dict[str, Any]) -> dict[str, Any]:
    told = {"item": row["item"], "task": row["task"], "text": row["text"]}
    return told | ({"level": row["level"]} if row["task"] == CHECK else {})


def _hash(content: str) -> str:
    digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    return f"'sha256-{digest}'"
