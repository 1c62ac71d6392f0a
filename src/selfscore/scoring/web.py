"""A small web page on this machine: an image in, score, distribution and explanation out.

Knows HTTP, limits and one scorer; who may ask says `selfscore.local_page`. Uploads are kept in
memory while they are scored, and nowhere else.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from email import policy as email_policy
from email.message import EmailMessage
from email.parser import BytesParser
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.concurrency import run_in_threadpool

from selfscore.datasets.pixels import UnreadableImageError, decode
from selfscore.local_page.guard import guarded_app, shown

if TYPE_CHECKING:
    from selfscore.scoring.scorer import Scorer

logger = logging.getLogger(__name__)

# Beyond this many that wait for their turn the server answers that it is busy.
MOST_REQUESTS = 32
_MIB = 2**20


@dataclass(frozen=True)
class UploadLimits:
    """What is taken.

    Attributes:
        max_bytes: size of a file.
        max_pixels: of an image, once unpacked.
        seconds: until a file has arrived.
    """

    max_bytes: int = 25 * _MIB
    max_pixels: int = 50_000_000
    seconds: float = 60.0


def create_app(
    scorer: Scorer, host: str = "127.0.0.1", limits: UploadLimits | None = None
) -> FastAPI:
    """The page and the two addresses it asks.

    `GET /api/scorer` says whose scores they are and what is taken. `POST /api/score` takes the
    image file as the request's body, with `Content-Type: image/…`, or as the one file of a form
    (`multipart/form-data`), and gives `ScoredImage.record`; `?explain=false` leaves the
    explanation out. Errors are `{"error": "…"}`.

    Args:
        scorer: scores the uploads, one at a time.
        host: address it will listen on; requests must name it, or loopback.
        limits: of the uploads.
    """
    taken = limits or UploadLimits()
    app = guarded_app(host, "Scoring failed.")
    turn = asyncio.Lock()
    waiting = asyncio.Semaphore(MOST_REQUESTS)
    page = files("selfscore.scoring").joinpath("page.html").read_text(encoding="utf-8")

    @app.get("/")
    async def show_page() -> HTMLResponse:
        return shown(page)

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
        if waiting.locked():
            raise HTTPException(
                503,
                f"{MOST_REQUESTS} images are waiting already. Try again in a moment.",
                {"Retry-After": "5"},
            )
        async with waiting:
            content = await _image_file(request, taken)
            async with turn:
                result = await run_in_threadpool(_score, scorer, content, explain, taken)
        return JSONResponse(result)

    return app


async def _image_file(request: Request, limits: UploadLimits) -> bytes:
    """The uploaded file, refused as soon as it is too large or too slow.

    Another site's page can only send an image as such after asking, which this server never
    allows; forms it could send unasked are refused by their origin.
    """
    kind = request.headers.get("content-type", "")
    if not kind.startswith(("image/", "multipart/form-data")):
        raise HTTPException(415, "This is not an image. Choose a JPEG, PNG, WebP, … file.")
    try:
        async with asyncio.timeout(limits.seconds):
            content = await _body(request, limits.max_bytes)
    except TimeoutError as error:
        raise HTTPException(
            408, f"The file did not arrive within {limits.seconds:g} seconds. Send it again."
        ) from error
    return content if kind.startswith("image/") else _file_of_form(kind, content)


async def _body(request: Request, max_bytes: int) -> bytes:
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


def _file_of_form(kind: str, content: bytes) -> bytes:
    """The one file of a form; in memory, where the usual parser would write it to the disk."""
    head = f"Content-Type: {kind}\r\n\r\n".encode()
    form = BytesParser(EmailMessage, policy=email_policy.HTTP).parsebytes(head + content)
    found = [part for part in form.iter_parts() if part.get_filename() is not None]
    if len(found) != 1:
        raise HTTPException(
            400,
            f"The form has {len(found)} files. Send one image a request, such as "
            "curl -F image=@image.jpg.",
        )
    file = found[0].get_payload(decode=True)
    assert isinstance(file, bytes)
    return file


def _score(scorer: Scorer, content: bytes, explain: bool, limits: UploadLimits) -> dict[str, Any]:
    try:
        image = decode(content, limits.max_pixels)
    except UnreadableImageError as error:
        raise HTTPException(422, f"Not scored: {error.reason}. Choose another file.") from error
    result = scorer.score([image], explain)[0]
    if result.error is not None:
        raise HTTPException(422, f"Not scored: {result.error}. Choose another file.")
    return result.record()
