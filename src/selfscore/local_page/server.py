"""The page's server: it waits for nobody for long.

Knows connections; knows neither pages nor policies.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

# Seconds until a connection must have sent the head of a request; browsers open some in advance,
# and open them again.
HEAD_TIMEOUT = 10.0

if TYPE_CHECKING:
    from fastapi import FastAPI


def serve(app: FastAPI, host: str, port: int) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Args:
        app: what is served.
        host: address to listen on.
        port: of it; 0 for any that is free.
    """
    uvicorn.run(app, host=host, port=port, log_level="warning", http=ImpatientProtocol)


class ImpatientProtocol(H11Protocol):
    """Closes a connection that does not say in time what it wants.

    Without this, connections that send their request byte by byte, or nothing, stay for ever.
    """

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection was opened."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """A connection sent something."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """A connection has gone."""
        super().connection_lost(exc)
        self._stop()

    def _watch(self) -> None:
        """Wait for the rest of a head, counted from its first byte; stop when it is complete."""
        if self.conn.their_state is not h11.IDLE:
            self._stop()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_TIMEOUT, self._give_up)

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if self.conn.their_state is h11.IDLE:
            self.transport.close()
