"""Which strength λ a merge gets: as weak as scores allow, and no harm to the answers.

An update that is scaled up scores better up to a point, and beyond it breaks texts. Of strengths
that are equally good within what the validation images can tell, the weakest is taken, as the
one-standard-error rule does for penalties (Hastie, Tibshirani & Friedman, "The Elements of
Statistical Learning", 7.10, https://hastie.su.domains/ElemStatLearn/). The error is that of the
difference between two strengths on the same images, which is smaller than that of either figure.

Knows what was measured at a strength; knows no model and no image.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from selfscore.metrics.accuracy import share
from selfscore.metrics.rank_correlation import srcc
from selfscore.metrics.resampling import Resampling, Statistic

COLUMNS = ["lambda", "srcc", "images", "format_valid", "consistency", "texts", "chosen"]
# Half of the width of an interval that covers this share is one standard error.
_ONE_ERROR = 0.6827


@dataclass(frozen=True)
class Answers:
    """What was written for some images at one strength.

    Attributes:
        valid: whether each answer keeps the format, (n,).
        stated: level that each states, NaN where it does not keep the format, (n,).
        inferred: level that each explanation sounds like, NaN likewise, (n,).
    """

    valid: NDArray[np.bool_]
    stated: NDArray[np.float64]
    inferred: NDArray[np.float64]

    def consistency(self) -> float:
        """Rank correlation of the inferred with the stated levels."""
        return float(srcc(self.inferred[self.valid], self.stated[self.valid]))


def choose(
    expected: Mapping[float, NDArray[np.float64]],
    true: NDArray[np.float64],
    write: Callable[[float], Answers],
    of_scores: Resampling,
    of_texts: Resampling,
) -> tuple[float | None, pd.DataFrame]:
    """The smallest strength that costs nothing that could be told.

    Among those whose SRCC is no worse than the best one's by more than one standard error, from the
    weakest up, the first whose answers keep the format and fit their scores as well as those at
    strength 0, again within one standard error. Where none of them does, the weaker ones are tried,
    the strongest first.

    Args:
        expected: strength → expected level of each image, (n,).
        true: score of each image, any unit, (n,).
        write: strength → answers about some of the images; 0 is the policy before the merge.
        of_scores: how the n images are resampled.
        of_texts: how those are that `write` is about.

    Returns:
        The strength, None where none keeps the answers as they are or SRCC is not defined at any;
        and one row a strength, ascending from 0 if answers were written: lambda, srcc, format_valid
        and consistency (NaN where not measured), images and texts (how many they rest on), chosen.
    """
    reached = {value: float(srcc(levels, true)) for value, levels in sorted(expected.items())}
    known = {value: figure for value, figure in reached.items() if not np.isnan(figure)}
    written: dict[float, Answers] = {}
    chosen = None
    if known:
        best = max(known, key=lambda value: known[value])
        good = [
            value
            for value in known
            if _no_worse(_srcc_gain, of_scores, expected[value], expected[best], true)
        ]
        weaker = [value for value in known if value < min(good)]
        written[0.0] = write(0.0)
        for value in [*good, *reversed(weaker)]:
            written[value] = write(value)
            if keeps(written[value], written[0.0], of_texts):
                chosen = value
                break
    rows = [
        {
            "lambda": value,
            "srcc": reached.get(value, np.nan),
            "images": len(true) if value in reached else 0,
            "format_valid": float(share(written[value].valid)) if value in written else np.nan,
            "consistency": written[value].consistency() if value in written else np.nan,
            "texts": len(written[value].valid) if value in written else 0,
            "chosen": value == chosen,
        }
        for value in sorted({*reached, *written})
    ]
    return chosen, pd.DataFrame(rows, columns=COLUMNS)


def keeps(after: Answers, before: Answers, resampling: Resampling) -> bool:
    """Whether format and consistency are no worse than before by more than one standard error.

    Consistency is compared on the images whose answers keep the format both times.
    """
    valid = _no_worse(_share_gain, resampling, after.valid, before.valid)
    both = after.valid & before.valid
    return valid and _no_worse(
        _consistency_gain,
        resampling.among(both),
        after.inferred[both],
        after.stated[both],
        before.inferred[both],
        before.stated[both],
    )


def _no_worse(gain: Statistic, resampling: Resampling, *columns: ArrayLike) -> bool:
    """Whether a gain is above minus one standard error; also where it is not defined."""
    found = replace(resampling, confidence=_ONE_ERROR).interval(gain, *columns)
    if np.isnan(found.value):
        return True
    error = 0.0 if np.isnan(found.low) else (found.high - found.low) / 2
    return found.value + error >= 0


def _share_gain(after: NDArray[np.float64], before: NDArray[np.float64]) -> NDArray[np.float64]:
    return share(after) - share(before)


def _srcc_gain(
    after: NDArray[np.float64], before: NDArray[np.float64], true: NDArray[np.float64]
) -> NDArray[np.float64]:
    return srcc(after, true) - srcc(before, true)


def _consistency_gain(
    inferred: NDArray[np.float64],
    stated: NDArray[np.float64],
    inferred_before: NDArray[np.float64],
    stated_before: NDArray[np.float64],
) -> NDArray[np.float64]:
    return srcc(inferred, stated) - srcc(inferred_before, stated_before)
