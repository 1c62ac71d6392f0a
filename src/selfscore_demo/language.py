"""Write short English about a picture's faults, leaning towards the score it has to explain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from selfscore_demo.lexicon import PHRASES, VERDICTS

#: How a sentence about a picture begins.
SUBJECTS = ("The picture is", "The photo is", "It is", "The image is")
#: What a text can be about; ``exposure`` stands for too dark, too bright or well lit.
_TOPICS = ("blur", "noise", "exposure", "contrast", "colour", "compression")


@dataclass(frozen=True)
class Style:
    """How strongly a text leans towards its level.

    Attributes:
        choice: How much more likely a topic is when it agrees with the level (log odds).
        tilt: How far a severity is misjudged in favour of the level, at the extreme levels.
        misjudgement: Standard deviation of the error in a severity.
        verdict_error: Standard deviation, in levels, of the closing verdict.
        verdict_own: Share in [0, 1] of the verdict that follows the picture and not the level:
            what a text has to unlearn to agree with its score.
        verdict_share: Probability that a text closes with a verdict.
    """

    choice: float = 1.4
    tilt: float = 0.16
    misjudgement: float = 0.07
    verdict_error: float = 2.0
    verdict_own: float = 0.45
    verdict_share: float = 0.85


def write_explanation(
    severities: Mapping[str, float],
    level: int,
    levels: int,
    rng: np.random.Generator,
    style: Style | None = None,
) -> str:
    """Write two or three statements about a picture and perhaps a verdict.

    Args:
        severities: Severity in [0, 1] per attribute.
        level: The level to explain, 0 to ``levels`` - 1.
        levels: Number of levels.
        rng: Source of the text's variety.
        style: How the text leans; the default style when None.

    Returns:
        Plain sentences with capital letters and full stops.
    """
    style = style or Style()
    lean = 2.0 * level / (levels - 1) - 1.0
    sentences = [
        _describe(topic, severities, lean, rng, style)
        for topic in _choose_topics(severities, lean, rng, style)
    ]
    if rng.random() < style.verdict_share:
        sentences.append(_verdict(severities, level / (levels - 1), rng, style))
    return " ".join(sentences)


def _choose_topics(
    severities: Mapping[str, float], lean: float, rng: np.random.Generator, style: Style
) -> list[str]:
    merit = np.asarray([1.0 - 2.0 * severities[topic] for topic in _TOPICS])
    # The middle levels ask for a fault and a strength alike: then strong cases are named first.
    salience = 0.8 * np.abs(merit)
    keys = style.choice * lean * merit + salience + rng.gumbel(size=len(_TOPICS))
    count = 2 + int(rng.random() < 0.5)
    return [_TOPICS[index] for index in np.argsort(-keys)[:count]]


def _describe(
    topic: str,
    severities: Mapping[str, float],
    lean: float,
    rng: np.random.Generator,
    style: Style,
) -> str:
    judged = severities[topic] - style.tilt * lean + rng.normal(0.0, style.misjudgement)
    degree = 0 if judged > 0.53 else 1 if judged > 0.2 else 2
    attribute = topic
    if topic == "exposure" and degree < 2:
        attribute = "darkness" if severities["darkness"] > 0 else "brightness"
    phrases = PHRASES[attribute][degree]
    usual = len(phrases) == 1 or rng.random() < 0.6
    subject = SUBJECTS[int(rng.choice(len(SUBJECTS), p=(0.4, 0.2, 0.25, 0.15)))]
    return f"{subject} {phrases[0] if usual else phrases[1]}."


def _verdict(
    severities: Mapping[str, float], level: float, rng: np.random.Generator, style: Style
) -> str:
    """A closing sentence; ``level`` is from 0, the worst, to 1."""
    harm = sum(severities[topic] for topic in _TOPICS) / len(_TOPICS)
    seen = float(np.clip(1.0 - 1.8 * harm, 0.0, 1.0))
    judged = (1.0 - style.verdict_own) * level + style.verdict_own * seen
    judged += rng.normal(0.0, style.verdict_error / 9.0)
    grade = int(np.clip(np.floor(judged * len(VERDICTS)), 0, len(VERDICTS) - 1))
    return VERDICTS[grade][0 if rng.random() < 0.6 else 1]
