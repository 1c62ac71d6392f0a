"""Settings of faithfulness: the section `evaluation.faithfulness`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from selfscore.configuration.settings_class import Whole, settings_class
from selfscore.faithfulness.faults import Fault

Term = Annotated[str, Field(pattern=r"\w")]
Severity = Annotated[float, Field(gt=0, le=1)]


@settings_class
class CounterfactualSettings:
    """The section `evaluation.faithfulness.counterfactual`.

    Attributes:
        pictures: how many validation images are edited, the same ones for every policy; each costs
            one text for every fault and strength, and one more. 0: none.
        strengths: severities of each fault, from 0 to 1, the worst.
        terms: fault → the terms by which texts name it. A fault that is not listed, or has none, is
            not rendered.
    """

    pictures: Whole
    strengths: Annotated[list[Severity], Field(min_length=1)]
    terms: dict[Fault, list[Term]]

    def __post_init__(self) -> None:
        if len(set(self.strengths)) < len(self.strengths):
            raise ValueError("`strengths` names one of them twice")

    @property
    def faults(self) -> list[str]:
        """Those that are rendered."""
        return [fault for fault, terms in self.terms.items() if terms]


@settings_class
class ReaderSettings:
    """The section `evaluation.faithfulness.reader`: what the frozen base model makes of texts.

    Attributes:
        pictures: how many images of each evaluated split it reads the texts of, the same ones for
            every policy. 0: none.
        question: asks whether a claim is true of a picture, to be answered by yes or no; holds the
            placeholder `{statement}`.
    """

    pictures: Whole
    question: Annotated[str, Field(pattern=r"\{statement\}")]


@settings_class
class FaithfulnessSettings:
    """The section `evaluation.faithfulness`.

    Attributes:
        statements: whether statements are checked where attributes of the images are known.
        counterfactual: whether texts name what was done to a picture.
        reader: whether the frozen base model affirms texts, and tells their level from others.
    """

    statements: bool
    counterfactual: CounterfactualSettings
    reader: ReaderSettings
