"""A small web page on this machine: an image in, score, distribution and explanation out.

Knows HTTP, limits and one scorer. There is no password and no encryption, so the page is made for
the machine it runs on: it listens on loopback unless it is told otherwise, answers only to names
of that address, and takes uploads only from its own page. Uploads are kept in memory while they
are scored, and nowhere else.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException as StarletteHTTPException

from selfscore.datasets.pixels import UnreadableImageError, decode

if TYPE_CHECKING:
    from selfscore.scoring.scorer import Scorer

logger = logging.getLogger(__name__)

# Beyond this many at a time the server answers that it is busy.
MOST_REQUESTS = 32
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_EVERY_ADDRESS = ("0.0.0.0", "::")
_MIB = 2**20


@dataclass(frozen=True)
class UploadLimits:
    """What is taken.

    Attributes:
        max_bytes: size of a file.
        max_pixels: of an image, once unpacked.
    """

    max_bytes: int = 25 * _MIB
    max_pixels: int = 50_000_000


def create_app(
    scorer: Scorer, host: str = "127.0.0.1", limits: UploadLimits | None = None
) -> FastAPI:
    """The page and the two addresses it asks.

    `GET /api/scorer` says whose scores they are and what is taken. `POST /api/score` takes the
    image file as the request's body, with `Content-Type: image/…`, and gives
    `ScoredImage.record`; `?explain=false` leaves the explanation out. Errors are
    `{"error": "…"}`.

    Args:
        scorer: scores the uploads, one at a time.
        host: address it will listen on; requests must name it, or loopback.
        limits: of the uploads.
    """
    taken = limits or UploadLimits()
    # No pages of its own that load scripts from elsewhere.
    app = FastAPI(title="selfscore", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_exception_handler(StarletteHTTPException, _answer_error)
    app.add_exception_handler(Exception, _answer_failure)
    turn = asyncio.Lock()
    page = files("selfscore.scoring").joinpath("page.html").read_text(encoding="utf-8")

    @app.middleware("http")
    async def protect(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        if host not in _EVERY_ADDRESS and request.url.hostname not in (*LOOPBACK, host):
            # Another site's name that was pointed at this machine.
            return JSONResponse({"error": f"This server is '{host}' alone."}, status_code=400)
        response = await call_next(request)
        response.headers.update(
            {
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "no-referrer",
                "Cache-Control": "no-store",
            }
        )
        return response

    @app.get("/")
    async def show_page() -> HTMLResponse:
        nonce = secrets.token_urlsafe(16)
        policy = (
            f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; "
            "img-src blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        )
        return HTMLResponse(
            page.replace("{nonce}", nonce), headers={"Content-Security-Policy": policy}
        )

    @app.get("/api/scorer")
    async def describe() -> dict[str, Any]:
        return {
            "description": str(scorer.origin),
            "scale": scorer.origin.scale,
            "max_bytes": taken.max_bytes,
        }

    @app.post("/api/score")
    async def score(request: Request) -> JSONResponse:
        explain = request.query_params.get("explain", "true") != "false"
        content = await _body(request, taken.max_bytes)
        async with turn:
            return JSONResponse(await run_in_threadpool(_score, scorer, content, explain, taken))

    return app


async def _body(request: Request, max_bytes: int) -> bytes:
    """The uploaded file, refused as soon as it is too large.

    Another site's page can only send this type after asking, which this server never allows.
    """
    if not request.headers.get("content-type", "").startswith("image/"):
        raise HTTPException(415, "This is not an image. Choose a JPEG, PNG, WebP, … file.")
    too_large = HTTPException(
        413, f"The file is larger than {max_bytes / _MIB:.0f} MiB. Scale the image down first."
    )
    if int(request.headers.get("content-length", "0")) > max_bytes:
        raise too_large
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > max_bytes:
            raise too_large
    return bytes(content)


def _score(scorer: Scorer, content: bytes, explain: bool, limits: UploadLimits) -> dict[str, Any]:
    try:
        image = decode(content, limits.max_pixels)
    except UnreadableImageError as error:
        raise HTTPException(422, f"Not scored: {error.reason}. Choose another file.") from error
    return scorer.score([image], explain)[0].record()


async def _answer_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, StarletteHTTPException)
    return JSONResponse({"error": str(error.detail)}, status_code=error.status_code)


async def _answer_failure(request: Request, error: Exception) -> JSONResponse:
    """The server logs the error; whoever asked is told where to look."""
    return JSONResponse(
        {"error": "Scoring failed. The terminal in which the server runs says why."}, 500
    )
