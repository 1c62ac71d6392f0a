"""What is scored and by what, in words: the section `domain` of the parameters.

Prompts, pages and cards speak of it in these words. Knows nothing of where they are shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from selfscore.configuration.settings_class import settings_class

# Something that can stand in a sentence, and in a prompt without being a placeholder.
Words = Annotated[str, Field(pattern=r"^[^{}\n]*\S[^{}\n]*$")]


@settings_class
class Domain:
    """What is scored.

    Attributes:
        thing: that an image shows, such as "tomato"; it can stand behind "this" and "the".
        quality: of it that the score is of, such as "freshness"; it can stand behind "the".
        worst: what the lowest level is, such as "rotten".
        best: what the highest level is.
    """

    thing: Words
    quality: Words
    worst: Words
    best: Words

    def __str__(self) -> str:
        return f"{self.quality} of the {self.thing}, from {self.worst} to {self.best}"


# What a policy scores whose card does not say it: those of earlier releases knew nothing else.
PICTURES = Domain("picture", "quality", "worst", "best")


def in_words(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters whose prompts have the domain's words for `{domain.thing}` and the like.

    What is wrong with either section is left for the check of the parameters.

    Args:
        parameters: as they are given.
    """
    domain, prompts = parameters.get("domain"), parameters.get("prompts")
    if not isinstance(domain, Mapping) or not isinstance(prompts, Mapping):
        return dict(parameters)
    words = {f"{{domain.{name}}}": word for name, word in domain.items() if isinstance(word, str)}
    return {**parameters, "prompts": {name: _said(text, words) for name, text in prompts.items()}}


def _said(text: Any, words: Mapping[str, str]) -> Any:
    if not isinstance(text, str):
        return text
    for placeholder, word in words.items():
        text = text.replace(placeholder, word)
    return text
