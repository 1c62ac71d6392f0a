"""A run's handlers of signals, kept where a library puts its own in their place.

Knows signals alone.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


@contextmanager
def own_handlers() -> Iterator[None]:
    """Put the handlers back that were there before the block: they end a run as an error does."""
    # Only the main thread has any, and may set them.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
