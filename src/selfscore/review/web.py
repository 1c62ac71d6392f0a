"""The page on which pairs are read: a picture, two texts, four keys.

Knows HTTP and where labels go. It says neither which text is the chosen one nor what the judge
read; which of the two comes first follows from the pair's key, that is, from chance.
"""

from __future__ import annotations

import io
from collections.abc import MutableMapping
from importlib.resources import files
from typing import Any, Literal

import pandas as pd
from fastapi import FastAPI, HTTPException
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel

from selfscore.local_page.guard import guarded_app, shown
from selfscore.report.tables import records
from selfscore.review.pairs import LABELS, as_label
from selfscore.vlm.images import ImageSource

# Longer side of a picture in the page.
_PIXELS = 1024


class Said(BaseModel):
    """What the page sends.

    Attributes:
        key: of the pair.
        label: that the reader gives it.
    """

    key: str
    label: Literal[LABELS]  # type: ignore[valid-type]


def create_app(
    pairs: pd.DataFrame,
    images: ImageSource,
    labels: MutableMapping[str, dict[str, Any]],
    reader: str,
    best: int,
    host: str = "127.0.0.1",
) -> FastAPI:
    """The page and the addresses it asks.

    `GET /api/pairs` has the pairs with this reader's labels so far, `GET /picture/<key>` the
    picture of one. `POST /api/labels` takes `{"key": …, "label": …}` as JSON, which another site's
    page can send only after asking.

    Args:
        pairs: see `selfscore.review.pairs.pairs_to_read`.
        images: pictures by path.
        labels: where a label is kept before the page is answered, as `reader/key`.
        reader: who reads.
        best: the highest level.
        host: address it will listen on.
    """
    app = guarded_app(host, "The label was not kept.")
    sources = {
        name: files("selfscore") / name for name in ("review/page.html", "local_page/style.css")
    }
    page, style = (source.read_text(encoding="utf-8") for source in sources.values())
    page = page.replace("{style}", style)
    by_key = {row["key"]: row for row in records(pairs)}

    def pair(key: str) -> dict[str, Any]:
        if key not in by_key:
            raise HTTPException(404, "There is no such pair. Load the page again.")
        return by_key[key]

    @app.get("/")
    async def show_page() -> HTMLResponse:
        return shown(page)

    @app.get("/api/pairs")
    def list_pairs() -> dict[str, Any]:
        said = {key: labels.get(f"{reader}/{key}", {}).get("label") for key in by_key}
        listed = [
            {"key": key, "texts": _texts(row), "label": said[key]} for key, row in by_key.items()
        ]
        return {"reader": reader, "best": best, "labels": LABELS, "pairs": listed}

    @app.get("/picture/{key}")
    def show_picture(key: str) -> Response:
        picture = images[pair(key)["path"]].convert("RGB")
        picture.thumbnail((_PIXELS, _PIXELS))
        stream = io.BytesIO()
        picture.save(stream, "JPEG", quality=92)
        return Response(stream.getvalue(), media_type="image/jpeg")

    @app.post("/api/labels")
    def keep(said: Said) -> dict[str, Any]:
        label = as_label(pair(said.key), reader, said.label)
        labels[f"{reader}/{said.key}"] = label
        return label

    return app


def _texts(pair: dict[str, Any]) -> list[dict[str, Any]]:
    both = [
        {"level": int(pair["level"]), "text": pair["chosen"]},
        {"level": int(pair["rejected_text_level"]), "text": pair["rejected"]},
    ]
    return both[:: 1 if int(pair["key"], 16) % 2 else -1]
