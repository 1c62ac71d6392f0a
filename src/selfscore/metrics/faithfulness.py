"""Share of an explanation's statements that are true of the picture, where faults are known."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

# Stands for text that a phrase has used; a word character, so that nothing matches at its border.
_USED = "_"

REQUIRED_KEYS = ("phrase", "attribute", "low", "high")


@dataclass(frozen=True)
class Statement:
    """A phrase that is true of a picture iff low <= value of its `attribute` <= high."""

    phrase: str
    attribute: str
    low: float
    high: float

    def is_true(self, severities: Mapping[str, float]) -> bool:
        """Whether the statement holds for a picture with these severities (0 none .. 1 worst).

        Raises:
            ValueError: If the severities do not name the statement's attribute.
        """
        if self.attribute not in severities:
            raise ValueError(
                f"the lexicon's statement {self.phrase!r} is about {self.attribute!r}, which the "
                f"severity table does not have; its columns are {sorted(severities)}"
            )
        return self.low <= severities[self.attribute] <= self.high


class StatementLexicon:
    """The phrases whose truth can be checked, found longest first, without overlap or case."""

    def __init__(self, statements: Sequence[Mapping[str, Any]]) -> None:
        """Read the statements.

        Args:
            statements: One mapping with `phrase`, `attribute`, `low`, `high` per statement.

        Raises:
            ValueError: If a key is missing, a phrase is empty or double, or low > high.
        """
        self._by_phrase: dict[str, Statement] = {}
        for position, entry in enumerate(statements):
            missing = [key for key in REQUIRED_KEYS if key not in entry]
            if missing:
                raise ValueError(f"statement {position} of the lexicon lacks {', '.join(missing)}")
            phrase = _normal(str(entry["phrase"]))
            low, high = float(entry["low"]), float(entry["high"])
            if not phrase:
                raise ValueError(f"statement {position} of the lexicon has an empty phrase")
            if phrase in self._by_phrase:
                raise ValueError(f"the lexicon has the phrase {phrase!r} twice; keep one of them")
            if low > high:
                raise ValueError(f"statement {phrase!r} of the lexicon has low {low} > high {high}")
            self._by_phrase[phrase] = Statement(phrase, str(entry["attribute"]), low, high)

    def __len__(self) -> int:
        return len(self._by_phrase)

    @property
    def attributes(self) -> set[str]:
        """What the statements are about."""
        return {statement.attribute for statement in self._by_phrase.values()}

    @cached_property
    def _longest_first(self) -> list[tuple[re.Pattern[str], Statement]]:
        # "not blurred" must be taken before "blurred" can be read out of it.
        phrases = sorted(self._by_phrase, key=lambda phrase: (-len(phrase), phrase))
        return [
            (re.compile(rf"(?<!\w){re.escape(phrase)}(?!\w)"), self._by_phrase[phrase])
            for phrase in phrases
        ]

    def statements_in(self, text: str) -> list[Statement]:
        """The lexicon statements that a text makes, in their order, repeated ones repeatedly."""
        rest = _normal(text)
        found: list[tuple[int, Statement]] = []
        for pattern, statement in self._longest_first:
            found += [(match.start(), statement) for match in pattern.finditer(rest)]
            # What a longer phrase used is blanked at equal length, so that positions stay.
            rest = pattern.sub(lambda match: _USED * len(match.group()), rest)
        return [statement for _, statement in sorted(found, key=lambda pair: pair[0])]


def faithfulness(
    text: str, severities: Mapping[str, float], lexicon: StatementLexicon
) -> float | None:
    """Share of the statements in an explanation that are true of its picture.

    Args:
        text: The explanation.
        severities: Value of every attribute of the picture, in the unit of the lexicon's bounds;
            NaN where it is not known, so that statements about it are left out.
        lexicon: The statements whose truth can be checked.

    Returns:
        A share in [0, 1], or None for a text without any such statement: it is not scored, because
        saying nothing is neither true nor false.

    Raises:
        ValueError: If a statement is about an attribute that `severities` does not have.
    """
    statements = [
        statement
        for statement in lexicon.statements_in(text)
        if not math.isnan(severities.get(statement.attribute, 0.0))
    ]
    if not statements:
        return None
    return sum(statement.is_true(severities) for statement in statements) / len(statements)


def _normal(text: str) -> str:
    return " ".join(text.lower().split())
