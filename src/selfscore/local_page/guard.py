"""Who may ask a page on this machine, and what its browser may load.

There is no password and no encryption, so a page is made for the machine it runs on: it answers
only to names of the address that it listens on, and takes nothing from another site's page.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import ClientDisconnect

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_EVERY_ADDRESS = ("0.0.0.0", "::")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def guarded_app(host: str, failed: str) -> FastAPI:
    """An application without addresses yet, which answers its own pages alone.

    Errors are `{"error": "…"}`.

    Args:
        host: address it will listen on; requests must name it, or loopback.
        failed: what could not be done, where the server itself fails: "Scoring failed."
    """
    # No pages of its own that load scripts from elsewhere.
    app = FastAPI(title="selfscore", docs_url=None, redoc_url=None, openapi_url=None)

    async def answer_failure(_request: Request, _error: Exception) -> JSONResponse:
        """The server logs the error; whoever asked is told where to look."""
        where = "The terminal in which the server runs says why."
        return JSONResponse({"error": f"{failed} {where}"}, 500)

    app.add_exception_handler(StarletteHTTPException, _answer_error)
    app.add_exception_handler(RequestValidationError, _answer_stranger)
    app.add_exception_handler(ClientDisconnect, _answer_nobody)
    app.add_exception_handler(Exception, answer_failure)

    @app.middleware("http")
    async def protect(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        if host not in _EVERY_ADDRESS and request.url.hostname not in (*LOOPBACK, host):
            # Another site's name that was pointed at this machine.
            return JSONResponse({"error": f"This server is '{host}' alone."}, status_code=400)
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
            # A page may send forms to other sites without asking.
            return JSONResponse({"error": "Another site's page may not ask."}, status_code=403)
        response = await call_next(request)
        response.headers.update(_HEADERS)
        return response

    return app


def shown(page: str) -> HTMLResponse:
    """A page that may load pictures, and run the scripts and styles that it holds.

    Args:
        page: with `{nonce}` where its scripts and styles name theirs.
    """
    nonce = secrets.token_urlsafe(16)
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; "
        "img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    return HTMLResponse(page.replace("{nonce}", nonce), headers={"Content-Security-Policy": policy})


async def _answer_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, StarletteHTTPException)
    return JSONResponse(
        {"error": str(error.detail)}, status_code=error.status_code, headers=error.headers
    )


async def _answer_stranger(_request: Request, error: Exception) -> JSONResponse:
    """What was sent is not what the page sends."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    return JSONResponse({"error": f"Not taken: {place}: {first['msg']}."}, status_code=422)


async def _answer_nobody(_request: Request, _error: Exception) -> Response:
    """Who went away while sending reads no answer; it is nothing that the log must tell."""
    return Response(status_code=400)
