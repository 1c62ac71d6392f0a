"""The page for raters on this machine, which takes their answers.

Knows HTTP and where answers go.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from threading import Lock
from typing import Any

import pandas as pd
from fastapi import FastAPI, HTTPException
from fastapi.responses import HTMLResponse

from selfscore.datasets.records import is_name
from selfscore.local_page.guard import guarded_app
from selfscore.study.answers import Answers, WrongAnswersError, free_seat, keep, name_of
from selfscore.study.items import study_id


def create_app(
    page: str,
    items: pd.DataFrame,
    kept: MutableMapping[str, dict[str, Any]],
    host: str = "127.0.0.1",
) -> FastAPI:
    """The page and the addresses it asks.

    `GET /api/study` has the next free seat, null where all are taken, and
    `GET /api/answers/<rater>` what is kept of one. `POST /api/answers` takes a rater's answers as
    JSON, which another site's page can send only after asking, and keeps them before it answers;
    with none yet, it takes the seat.

    Args:
        page: see `selfscore.study.page.write_page`.
        items: what it shows.
        kept: answers, see `selfscore.study.answers.name_of`.
        host: address it will listen on.
    """
    app = guarded_app(host, "The answers were not kept.")
    study = study_id(items)
    # Requests are answered beside each other, and what is kept is read, added to and written.
    keeping = Lock()

    @app.get("/")
    async def show_page() -> HTMLResponse:
        # The page has a policy of its own, in which this cannot be said.
        return HTMLResponse(page, headers={"Content-Security-Policy": "frame-ancestors 'none'"})

    @app.get("/api/study")
    def describe() -> dict[str, Any]:
        return {"study": study, "seat": free_seat(kept, items)}

    @app.get("/api/answers/{rater}")
    def show_answers(rater: str) -> dict[str, Any]:
        return kept.get(name_of(study, rater), {}) if is_name(rater) else {}

    @app.post("/api/answers")
    def take(answers: Answers) -> dict[str, Any]:
        try:
            with keeping:
                return {"answers": len(keep(answers, kept, items)["answers"])}
        except WrongAnswersError as error:
            raise HTTPException(409, str(error)) from error

    return app
