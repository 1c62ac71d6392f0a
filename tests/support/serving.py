"""A web application on loopback, for the tests of pages."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from selfscore.local_page.server import ImpatientProtocol


@contextmanager
def served(app: FastAPI) -> Iterator[int]:
    """Gives the port, and ends the server."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", http=ImpatientProtocol))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
