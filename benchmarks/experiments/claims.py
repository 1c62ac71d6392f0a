"""What the runs say of a claim: differences between two figures, seed by seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from benchmarks.experiments.definitions import FigureRef
from benchmarks.experiments.means import mean_interval
from selfscore.metrics.intervals import Interval

HOLDS, CONTRADICTED, OPEN = "holds", "contradicted", "not decided"
EXPECTATIONS = ("rises", "falls", "does_not_fall", "stays")


@dataclass(frozen=True)
class Finding:
    """What the runs say of a claim.

    Attributes:
        says: the claim.
        expected: one of `EXPECTATIONS`; None: nothing was claimed, it is only asked.
        bound: what the differences are held against.
        paper: whether it is the paper's claim.
        because: why the runs may not show it; of a mere question, why the answer is what it is. ""
            where that is not known.
        differences: value, low and high by seed. The ends are those of the run's own interval, and
            NaN where two figures are compared.
        mean: of the differences, with its interval.
    """

    says: str
    expected: str | None
    bound: float
    paper: bool
    because: str
    differences: pd.DataFrame
    mean: Interval

    @property
    def direction(self) -> str | None:
        """`rises` or `falls` where the whole interval lies on that side of the bound."""
        if self.mean.low > self.bound:
            return "rises"
        return "falls" if self.mean.high < self.bound else None

    @property
    def verdict(self) -> str:
        """Whether the claim holds; of a mere question, what the answer is."""
        if self.expected is None:
            return self.direction or "no clear difference"
        if self.expected == "stays":
            # Repetitions of a control scatter by chance; one alone has its own interval only.
            gained = self.direction == "rises" if self.mean.n > 1 else not self.agreeing
            return CONTRADICTED if gained else HOLDS
        if self.expected == "does_not_fall" and self.mean.n > 1:
            if self.direction == "falls":
                return CONTRADICTED
            return HOLDS if self.agreeing == self.mean.n else OPEN
        if self.direction is None:
            return OPEN
        return HOLDS if self.direction == self.expected else CONTRADICTED

    @property
    def agreeing(self) -> int | None:
        """Number of seeds that agree with the claim, taken one by one."""
        if self.expected is None:
            return None
        value, bound = self.differences["value"], self.bound
        agree = {
            "rises": value > bound,
            "falls": value < bound,
            "does_not_fall": value >= bound,
            "stays": self.differences["low"] <= bound,
        }
        return int(agree[self.expected].sum())


def judge_claim(claim: Mapping[str, Any], figures: pd.DataFrame) -> Finding:
    """Compare two figures seed by seed.

    Args:
        claim: `says`; `of`, a figure; `over`, another one or a number; `expected`, `bound`,
            `paper` and `because` as in `Finding`, which may be left out.
        figures: of the seeds that are looked at.

    Raises:
        ValueError: the expectation is unknown, or a figure is missing.
    """
    expected = claim.get("expected")
    if expected not in (None, *EXPECTATIONS):
        raise ValueError(f"Unknown `expected` '{expected}': choose one of {EXPECTATIONS}.")
    found, over = _find(claim["of"], figures), claim["over"]
    if isinstance(over, str):
        # A variant may have seeds of its own.
        values = (found["value"] - _find(over, figures)["value"]).dropna()
        found = pd.DataFrame({"value": values, "low": float("nan"), "high": float("nan")})
    else:
        found = found - over
    return Finding(
        says=claim["says"],
        expected=expected,
        bound=claim.get("bound", 0.0),
        paper=claim.get("paper", False),
        because=claim.get("because", "").strip(),
        differences=found,
        mean=mean_interval(found["value"]),
    )


def _find(text: str, figures: pd.DataFrame) -> pd.DataFrame:
    reference = FigureRef.parse(text)
    found = reference.find(figures)
    seeds = figures.loc[figures["variant"] == reference.variant, "seed"]
    missing = sorted(set(seeds) - set(found.index))
    if missing or found.empty:
        raise ValueError(f"The records of seeds {missing} have no figure '{text}'.")
    return found
