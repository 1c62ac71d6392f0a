"""What is to be written to a server: at once while it answers, later when it was away.

Knows writes and their order; does not know what is written.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from selfscore.tracking.server import is_away, reason

logger = logging.getLogger(__name__)

# Seconds until a server that was away is asked again; twice as many each time.
_FIRST_PAUSE = 30.0


class Outbox:
    """Sends writes in their order; those that a server is away for wait.

    A write that the server refuses is dropped with a warning: nothing here may cost a trained
    round. Writes come from several threads.

    Args:
        server: what messages call the server.
        what: what messages call that which is written.
        redact: takes secrets out of messages.
        before: an outbox whose writes must be there first.
        pause: seconds until a server that was away is asked again.
    """

    def __init__(
        self,
        server: str,
        what: str,
        redact: Callable[[Any], Any],
        before: Outbox | None = None,
        pause: float = _FIRST_PAUSE,
    ) -> None:
        self._server = server
        self._what = what
        self._redact = redact
        self._before = before
        self._lock: threading.RLock = threading.RLock() if before is None else before._lock
        self._waiting: deque[Callable[[], object]] = deque()
        self._pause = self._first_pause = pause
        self._again: float | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether something could not be written yet."""
        return bool(self._waiting)

    def put(self, write: Callable[..., object], *arguments: Any) -> None:
        """Write now, or when the server is back."""
        with self._lock:
            self._waiting.append(partial(write, *arguments))
            if self._again is None or time.monotonic() >= self._again:
                self._send()

    def finish(self) -> int:
        """Try once more.

        Returns:
            How many writes were not possible; they are given up.
        """
        with self._lock:
            self._send()
            left = len(self._waiting)
            self._waiting.clear()
            return left

    def _send(self) -> None:
        if self._before is not None and self._before.is_waiting:
            return
        while self._waiting:
            try:
                self._waiting[0]()
            # Every kind of store fails in its own way.
            except Exception as error:
                if is_away(error):
                    self._wait(error)
                    return
                logger.warning("Not tracked: %s", reason(error, self._redact))
            self._waiting.popleft()
        if self._again is not None:
            logger.warning("%s answers again; it has all %s now.", self._server, self._what)
            self._again, self._pause = None, self._first_pause

    def _wait(self, error: Exception) -> None:
        if self._again is None:
            logger.warning(
                "%s does not answer (%s). The run goes on; its %s wait, and are written when the "
                "server is back before the run ends. The manifest and the datasets of the run have "
                "all of it in any case.",
                self._server,
                reason(error, self._redact),
                self._what,
            )
        self._again = time.monotonic() + self._pause
        self._pause *= 2
