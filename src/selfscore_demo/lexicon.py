"""Words about visible quality, and the severities of which each is true.

A phrase is true of a picture when the severity of its attribute lies within its bounds.
No phrase is part of another one, so a text can be searched for all of them.
"""

from __future__ import annotations

from selfscore.metrics.faithfulness import Statement

_FINE = (0.0, 0.3)
_SLIGHT = (0.12, 0.62)
_STRONG = (0.45, 1.0)

#: Per attribute: phrases for a strong fault, a slight fault and no fault, most usual first.
PHRASES: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "blur": (
        ("very blurred", "badly out of focus"),
        ("slightly blurred", "a little soft"),
        ("sharp", "full of fine detail"),
    ),
    "noise": (
        ("very noisy", "covered with heavy grain"),
        ("a little noisy", "touched by light grain"),
        ("clean", "free of grain"),
    ),
    "darkness": (("far too dark",), ("a bit dark",), ()),
    "brightness": (("far too bright",), ("a bit bright",), ()),
    "exposure": ((), (), ("well lit", "well exposed")),
    "contrast": (
        ("washed out", "very flat"),
        ("slightly flat", "a bit weak in contrast"),
        ("rich in contrast", "full of depth"),
    ),
    "colour": (
        ("badly faded", "almost without colour"),
        ("slightly faded", "a bit pale"),
        ("colourful", "vivid"),
    ),
    "compression": (
        ("broken into blocks", "badly compressed"),
        ("marked by faint blocks", "slightly compressed"),
        ("smooth", "free of blocks"),
    ),
}

_BOUNDS = (_STRONG, _SLIGHT, _FINE)


def statement_lexicon() -> list[Statement]:
    """All phrases with the severities of which they are true."""
    return [
        Statement(phrase, attribute, *_BOUNDS[degree])
        for attribute, degrees in PHRASES.items()
        for degree, phrases in enumerate(degrees)
        for phrase in phrases
    ]


#: Verdicts from the worst to the best; levels are spread evenly over them.
VERDICTS: tuple[tuple[str, ...], ...] = (
    ("It is a terrible picture.", "It is hardly usable."),
    ("It is a bad picture.", "It looks careless."),
    ("It is a mediocre picture.", "It is a bit disappointing."),
    ("It is a fair picture.", "It is an ordinary result."),
    ("It is a good picture.", "It is a pleasing result."),
    ("It is a superb picture.", "It looks excellent."),
)
