"""What all judges share: their interface, and what they may read of an explanation.

Knows no model and no figure.
"""

import re
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

# What would let a judge read the score instead of the text: digits, numbers written out, and the
# word itself with its forms.
_GIVEAWAYS = re.compile(
    r"\b(?:scor(?:e|es|ed|ing)|zero|one|two|three|four|five|six|seven|eight|nine|ten)\b|\d+",
    re.IGNORECASE,
)


class Judge(Protocol):
    """Infers the score level that an explanation sounds like.

    It is given explanations and nothing else: no picture, no stated score, no true score.
    """

    @property
    def name(self) -> str:
        """What the judge is called in tables and parameters."""

    def infer_levels(self, explanations: Sequence[str]) -> NDArray[np.float64]:
        """The level of each explanation.

        Args:
            explanations: Texts without the score line.

        Returns:
            Levels in [0, n_levels - 1], whole or not, in the order of the texts, shape
            (len(explanations),); NaN where the judge gave no usable answer.
        """


def without_score_words(text: str) -> str:
    """The text as every judge reads it: no digits, number words or "score" in any form.

    Args:
        text: An explanation.

    Returns:
        The remaining words as they were written, single spaces between them.
    """
    return " ".join(_GIVEAWAYS.sub(" ", text).split())
