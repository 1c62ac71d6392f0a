"""How many raters a study needs, said before anybody rates.

The difference of two ways' shares, over raters and pictures that are both drawn at random, has
the variance

    τ_r² / R + τ_p² / P + σ² (1 / n_a + 1 / n_b)

with R raters, P pictures, n_a and n_b answers, τ the standard deviation of the difference over
raters and over pictures, σ that of one answer; its degrees of freedom are Satterthwaite's. This is
the counterbalanced design of Westfall, Kenny & Judd (2014), https://doi.org/10.1037/xge0000014,
where n_a = n_b = R P / 2, in the unit of the answers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd
from scipy.stats import nct, t

from selfscore.study.items import CHECK, GUESS
from selfscore.study.settings import CHECK_WAYS, GUESS_WAYS, Assumed, StudySettings

# Where even more raters do not help, more pictures would.
_MOST_RATERS = 600


class Comparison(NamedTuple):
    """Two ways that are compared.

    Attributes:
        metric: the figure that says what comes of it.
        task: whose pictures count.
        share: of a task's answers that each of the two has.
    """

    metric: str
    task: str
    share: float


# What the study is for.
PRIMARY = (
    Comparison("guess_gain_beyond", GUESS, 1 / GUESS_WAYS),
    Comparison("decisions_gain", CHECK, 2 / CHECK_WAYS),
    Comparison("over_reliance_gain", CHECK, 1 / CHECK_WAYS),
)


def power(raters: int, pictures: int, share: float, assumed: Assumed, confidence: float) -> float:
    """Chance that the interval of a difference leaves out 0, where the assumed effect is there.

    Args:
        raters: R, at least 2.
        pictures: P, at least 2.
        share: of the R·P answers that each of the two ways has.
        assumed: effect and standard deviations.
        confidence: of the interval.
    """
    parts = (
        (assumed.between_raters**2 / raters, raters - 1),
        (assumed.between_pictures**2 / pictures, pictures - 1),
        (2 * assumed.within**2 / (share * raters * pictures), (raters - 1) * (pictures - 1)),
    )
    variance = sum(part for part, _ in parts)
    freedom = variance**2 / sum(part**2 / free for part, free in parts)
    beyond = t.ppf((1 + confidence) / 2, freedom)
    shift = assumed.effect / variance**0.5
    return float(nct.sf(beyond, freedom, shift) + nct.cdf(-beyond, freedom, shift))


def plan_study(items: pd.DataFrame, settings: StudySettings) -> dict[str, Any]:
    """What the study can find.

    Args:
        items: see `selfscore.study.items.draw_items`.
        settings: what is assumed and wanted.

    Returns:
        raters; pictures by task; assumed; wanted (power); confidence; and comparisons: metric,
        pictures, power, and raters_needed for the wanted power (None where no number of raters is
        enough with these pictures).
    """
    pictures = items.groupby("task")["item"].nunique()
    comparisons = []
    for metric, task, share in PRIMARY:
        n = int(pictures[task])

        def of(raters: int, n: int = n, share: float = share) -> float:
            return power(raters, n, share, settings.assumed, settings.confidence)

        enough = (
            raters
            for raters in range(CHECK_WAYS, _MOST_RATERS + 1, CHECK_WAYS)
            if of(raters) >= settings.power
        )
        comparisons.append(
            {
                "metric": metric,
                "pictures": n,
                "power": of(settings.raters),
                "raters_needed": next(enough, None),
            }
        )
    return {
        "raters": settings.raters,
        "pictures": {str(task): int(n) for task, n in pictures.items()},
        "assumed": {
            "effect": settings.assumed.effect,
            "between_raters": settings.assumed.between_raters,
            "between_pictures": settings.assumed.between_pictures,
            "within": settings.assumed.within,
        },
        "wanted": settings.power,
        "confidence": settings.confidence,
        "comparisons": comparisons,
    }
