"""Which generated explanations may teach: one reason per text that may not.

Knows text only.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from selfscore.configuration.settings_class import Share, Whole, settings_class
from selfscore.metrics.text_variety import repeated_share
from selfscore.vlm.response import parse_response

REASONS = ("malformed", "too_short", "too_long", "repetitive", "score_words", "generic")

_SCORE_WORDS = re.compile(r"\d|\bscor(?:e|es|ed|ing)\b|\brat(?:e|es|ed|ing)\b", re.IGNORECASE)


@settings_class
class QualityGates:
    """Limits of an acceptable explanation.

    Attributes:
        min_words: fewer words are `too_short`.
        max_words: more words are `too_long`.
        max_repetition: largest share of word trigrams that were said before, else `repetitive`.
        max_generic: largest share of all texts that may be this very text, else `generic`.
    """

    min_words: Whole
    max_words: Whole
    max_repetition: Share
    max_generic: Share

    def reasons(self, responses: Sequence[str], levels: int) -> list[str]:
        """The first gate each response fails, "" where it passes all of them."""
        parsed = [parse_response(response, levels) for response in responses]
        copies = Counter(row.explanation for row in parsed if row)
        limit = max(1, self.max_generic * len(responses))
        return [
            "malformed" if row is None else self._reason(row.explanation, copies, limit)
            for row in parsed
        ]

    def _reason(self, explanation: str, copies: Counter[str], limit: float) -> str:
        words = explanation.split()
        if not explanation.endswith((".", "!", "?")):
            return "malformed"
        if len(words) < self.min_words:
            return "too_short"
        if len(words) > self.max_words:
            return "too_long"
        if repeated_share(words) > self.max_repetition:
            return "repetitive"
        if _SCORE_WORDS.search(explanation):
            return "score_words"
        return "generic" if copies[explanation] > limit else ""
