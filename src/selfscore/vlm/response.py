"""The response format in one place: how score and explanation are asked for, written and read.

Knows text only: no model, no tokenizer, no preference.

A response is two lines, after Tanji & Yamasaki, arXiv 2506.02708, section 3.1::

    #Score: 7
    #Explanation: The picture is sharp. It is a good picture.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Self

from selfscore.configuration.domain import PICTURES
from selfscore.configuration.settings_class import settings_class

SCORE_PREFIX = "#Score:"
EXPLANATION_PREFIX = "#Explanation:"

_RESPONSE = re.compile(r"#Score: (\d+)\n#Explanation: (\S[^\n#]*)")


@settings_class
class Prompts:
    """The two instructions a policy is given.

    In the parameters ``{best}`` stands for the highest level, see `for_levels`, and
    ``{domain.thing}`` and the like for words, see `selfscore.configuration.domain`.

    Attributes:
        rating: asks for a score and its explanation; used in training and in prediction.
        justify: asks for the explanation of a given score; holds the placeholder ``{level}``.
    """

    rating: str
    justify: str

    def __post_init__(self) -> None:
        said = re.findall(r"\{domain\.?([^}]*)\}", f"{self.rating} {self.justify}")
        unknown = [name for name in said if name not in vars(PICTURES)]
        if unknown:
            raise ValueError(
                f"`prompts` have {{domain.{unknown[0]}}}, and `domain` no such word: it has thing, "
                "quality, worst and best."
            )
        if "{level}" not in self.justify:
            raise ValueError(
                "`prompts.justify` has no placeholder {level}: write it where the score to justify "
                "belongs."
            )
        try:
            self.justify.format(level=0, best=0, domain=PICTURES)
        except (LookupError, ValueError, AttributeError, TypeError) as error:
            raise ValueError(
                f"`prompts.justify` has other braces than {{level}} and {{best}} ({error}): write "
                "each of them twice."
            ) from None

    def for_levels(self, levels: int) -> Self:
        """The instructions on a scale of so many levels."""
        best = str(levels - 1)
        return type(self)(self.rating.replace("{best}", best), self.justify.replace("{best}", best))

    @property
    def version(self) -> str:
        """First 12 hex digits of the sha256 of both prompts: changes when a prompt changes."""
        text = f"{self.rating}\x00{self.justify}"
        return hashlib.sha256(text.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class ParsedResponse:
    """A response that keeps the format: its level (0 … levels-1) and its explanation."""

    level: int
    explanation: str


def score_prefix() -> str:
    """Everything a response says before the level itself: ``"#Score: "``."""
    return f"{SCORE_PREFIX} "


def response_prefix(level: int) -> str:
    """The start of a response that forces `level`; a model continues it with an explanation."""
    return f"{SCORE_PREFIX} {level}\n{EXPLANATION_PREFIX}"


def write_response(level: int, explanation: str) -> str:
    """A whole response in the required format."""
    return f"{response_prefix(level)} {explanation.strip()}"


def parse_response(response: str, levels: int) -> ParsedResponse | None:
    """Read a response strictly; an answer that does not keep the format is `None`, never guessed.

    Args:
        response: the text the model wrote, without special tokens.
        levels: number of levels; a level outside 0 … levels-1 does not count as an answer.
    """
    match = _RESPONSE.fullmatch(response.strip())
    if match is None or int(match[1]) >= levels or match[1] != str(int(match[1])):
        return None
    return ParsedResponse(int(match[1]), match[2].strip())
