"""What a text claims, sentence by sentence, and the question whether that is true.

Knows words; knows no picture and no model.
"""

from __future__ import annotations

import re

_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+")
STATEMENT = "{statement}"


def claims_in(text: str) -> list[str]:
    """The different sentences of a text, in their order."""
    sentences = (" ".join(one.split()) for one in _SENTENCE_END.split(text.strip()))
    return list(dict.fromkeys(one for one in sentences if re.search(r"\w", one)))


def question_of(claim: str, template: str) -> str:
    """What is asked of a picture, to hear whether a claim is true of it."""
    return template.replace(STATEMENT, claim)
