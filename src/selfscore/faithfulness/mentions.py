"""Which faults a text names, by terms of a configuration.

Knows words; knows no picture and no model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

# Words that turn a fault into its opposite, at most two words before it: "not at all blurred".
_DENIED = re.compile(
    r"(?:(?<!\w)(?:not|no|never|neither|nor|without|hardly|free (?:of|from)|lack of)|n['’]t)"
    r"\s+(?:\w+\s+){0,2}$"
)


class FaultTerms:
    """The terms by which a text names a fault, as whole words and without regard to case.

    Args:
        terms: fault → its terms.
    """

    def __init__(self, terms: Mapping[str, Sequence[str]]) -> None:
        self._patterns = {
            fault: re.compile(rf"(?<!\w)(?:{'|'.join(map(_pattern, own))})(?!\w)")
            for fault, own in terms.items()
        }

    def names(self, text: str, fault: str) -> bool:
        """Whether a text says that a picture has a fault, not merely that it has not got it."""
        plain = " ".join(text.lower().split())
        return any(
            _DENIED.search(plain, 0, found.start()) is None
            for found in self._patterns[fault].finditer(plain)
        )


def _pattern(term: str) -> str:
    return re.escape(" ".join(term.lower().split()))
