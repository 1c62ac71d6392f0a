"""How far something is: a bar on a terminal, and in a log a line now and then.

Knows tqdm; knows no work.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

from tqdm import tqdm

logger = logging.getLogger(__name__)

# Seconds from line to line in a log; what is done sooner has none.
SECONDS = 30.0
_LINE = "{desc}: {n_fmt} of {total_fmt}{unit} in {elapsed}, {remaining} to go, {rate_fmt}{postfix}"


class Bar(tqdm):
    """tqdm's bar, for the standard error; the same arguments.

    Args:
        iterable: what is gone through; None if the bar is moved by `update`.
        options: of tqdm.
    """

    def __init__(self, iterable: Any = None, **options: Any) -> None:
        self._drawn = sys.stderr.isatty()
        if not self._drawn:
            options |= {"mininterval": SECONDS, "maxinterval": SECONDS, "delay": SECONDS}
            # Every step looks at the time, or else tqdm's own thread writes a line beside it.
            options |= {"miniters": 1}
            # Left standing, it would leave an empty line.
            options |= {"leave": False, "bar_format": _LINE}
        super().__init__(iterable, **options)

    def set_postfix(self, *values: Any, **named: Any) -> None:
        """Show these values behind the bar."""
        super().set_postfix(*values, refresh=self._drawn, **named)

    def display(self, msg: str | None = None, pos: int | None = None) -> Any:
        """Draw the bar, or write the line."""
        if self._drawn:
            return super().display(msg, pos)
        if msg is None:
            # As it is now: the bar goes on.
            logger.info("%s.", str(self))
        return False

    def close(self) -> None:
        """Say how it ended, if that took long enough to be told of."""
        if not (self._drawn or self.disable) and self._is_news():
            self.display()
        super().close()

    def _is_news(self) -> bool:
        took_long: bool = self.format_dict["elapsed"] >= SECONDS
        return took_long and self.n != self.last_print_n
