"""Which figures of which runs an experiment compares, and what the comparison says.

A place is written `variant round policy metric`: of the runs of that variant the figure of that
policy (`base` in round 0, `merged`, or an expert) after that round. Where a table gives the metric
in its columns, the fourth word may be left out, or be a pattern such as `forced_wrong.{}.tfidf`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from selfscore.metrics.intervals import Interval
from selfscore.metrics.means import mean_interval

HOLDS, CONTRADICTED, OPEN = "holds", "contradicted", "not decided"
EXPECTATIONS = ("rises", "falls", "does_not_fall")


@dataclass(frozen=True)
class Place:
    """Where a figure is found, for every seed."""

    variant: str
    round: int
    policy: str
    metric: str = "{}"

    @classmethod
    def parse(cls, text: str) -> Place:
        """Read `variant round policy [metric]`.

        Raises:
            ValueError: it is written otherwise.
        """
        words = text.split()
        if len(words) not in (3, 4) or not words[1].isdigit():
            raise ValueError(f"'{text}' must be written as: variant round policy [metric].")
        return cls(words[0], int(words[1]), words[2], *words[3:])

    def find(self, figures: pd.DataFrame, metric: str = "") -> pd.DataFrame:
        """value, low and high by seed; no row for a seed that lacks the figure.

        Args:
            figures: variant, seed, round, policy, metric, value, low, high.
            metric: what stands for `{}`.
        """
        found = figures[
            (figures["variant"] == self.variant)
            & (figures["round"] == self.round)
            & (figures["policy"] == self.policy)
            & (figures["metric"] == self.metric.format(metric))
        ]
        return found.set_index("seed")[["value", "low", "high"]].sort_index()


@dataclass(frozen=True)
class Finding:
    """What the runs say of a claim.

    Attributes:
        says: the claim.
        expected: one of `EXPECTATIONS`; None: nothing was claimed, it is only asked.
        paper: whether it is the paper's claim.
        because: why the runs may not show it; of a mere question, why the answer is what it is. ""
            where that is not known.
        differences: by seed.
        mean: of the differences, with its interval.
    """

    says: str
    expected: str | None
    paper: bool
    because: str
    differences: pd.Series[float]
    mean: Interval

    @property
    def direction(self) -> str | None:
        """`rises` or `falls` where the whole interval lies on that side of 0."""
        if self.mean.low > 0:
            return "rises"
        return "falls" if self.mean.high < 0 else None

    @property
    def verdict(self) -> str:
        """Whether the claim holds; of a mere question, what the answer is."""
        if self.expected is None:
            return self.direction or "no clear difference"
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
        signs = self.differences
        agree = {"rises": signs > 0, "falls": signs < 0, "does_not_fall": signs >= 0}
        return int(agree[self.expected].sum())


def judge_claim(claim: Mapping[str, Any], figures: pd.DataFrame) -> Finding:
    """Compare two figures seed by seed.

    Args:
        claim: `says`; `of`, a place with its metric; `over`, another one or a number; `expected`,
            `paper` and `because` as in `Finding`, which may be left out.
        figures: of the seeds that are looked at.

    Raises:
        ValueError: the expectation is unknown, or a figure is missing.
    """
    expected = claim.get("expected")
    if expected not in (None, *EXPECTATIONS):
        raise ValueError(f"Unknown `expected` '{expected}': choose one of {EXPECTATIONS}.")
    left = _values(claim["of"], figures)
    over = claim["over"]
    differences = left - (_values(over, figures) if isinstance(over, str) else over)
    return Finding(
        says=claim["says"],
        expected=expected,
        paper=claim.get("paper", False),
        because=claim.get("because", "").strip(),
        differences=differences,
        mean=mean_interval(differences),
    )


def variants_of(experiment: Mapping[str, Any]) -> list[str]:
    """The variants whose runs an experiment needs, each once."""
    return list(dict.fromkeys(place.variant for place in _places(experiment)))


def _places(experiment: Mapping[str, Any]) -> Iterator[Place]:
    for table in experiment["tables"]:
        yield from map(Place.parse, table["rows"].values())
    for claim in experiment["claims"]:
        yield Place.parse(claim["of"])
        if isinstance(claim["over"], str):
            yield Place.parse(claim["over"])


def _values(text: str, figures: pd.DataFrame) -> pd.Series[float]:
    values = Place.parse(text).find(figures)["value"]
    missing = sorted(set(figures["seed"]) - set(values.index))
    if missing:
        raise ValueError(f"The records of seeds {missing} have no figure '{text}'.")
    return values
