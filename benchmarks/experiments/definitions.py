"""The experiments as they stand in the YAML files here, and how a figure is named in them.

A figure is written `variant round policy metric`: of the runs of that variant the one of that
policy (`base` in round 0, `merged`, or an expert) after that round. Where a table gives the metric
in its columns, the fourth word may be left out, or be a pattern such as `forced_wrong.{}.tfidf`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

_HERE = Path(__file__).parent
# Images that no setting was chosen by: they are evaluated where that is asked for.
LOCKED = "locked"


@dataclass(frozen=True)
class Definitions:
    """All experiments.

    Attributes:
        seeds: of the runs of a variant that has none of its own.
        split: whose figures are compared where a page does not say.
        examples: number of images whose texts are kept to be read.
        variants: name → `pipelines`, `environments`, `parameters` and `seeds` of its runs, as far
            as they differ from a run of `iteration` with `conf/base`; and `then`, what is done
            afterwards by its name in `benchmarks.experiments.afterwards`, with its settings.
        names: metric → what it is called; others by their own name.
        pages: name → what the page asks and shows, see `benchmarks.experiments.page`.
    """

    seeds: list[int]
    split: str
    examples: int
    variants: Mapping[str, Mapping[str, Any]]
    names: Mapping[str, str]
    pages: Mapping[str, Mapping[str, Any]]

    @classmethod
    def load(cls) -> Definitions:
        """Read the files beside this module."""
        variants, results, head_to_head, pages = (
            yaml.safe_load((_HERE / f"{name}.yml").read_text(encoding="utf-8"))
            for name in ("variants", "results", "head_to_head", "pages")
        )
        return cls(**variants, pages=results | head_to_head | pages)

    def showing(self, split: str) -> Definitions:
        """The same experiments, with the figures of one split on all pages."""
        pages = {}
        for name, page in self.pages.items():
            shown = dict(page) | {"split": split}
            for part in ("tables", "claims"):
                shown[part] = [
                    {key: value for key, value in row.items() if key != "split"}
                    for row in page[part]
                ]
            if "compared" in page:
                shown["compared"] = page["compared"] | {"splits": [split]}
            pages[name] = shown
        return replace(self, split=split, pages=pages)


@dataclass(frozen=True)
class FigureRef:
    """Which figure of every seed's run."""

    variant: str
    round: int
    policy: str
    metric: str = "{}"

    @classmethod
    def parse(cls, text: str) -> FigureRef:
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
            figures: variant, seed, round, policy, metric, value, low, high, of one split.
            metric: what stands for `{}`.
        """
        found = figures[
            (figures["variant"] == self.variant)
            & (figures["round"] == self.round)
            & (figures["policy"] == self.policy)
            & (figures["metric"] == self.metric.format(metric))
        ]
        return found.set_index("seed")[["value", "low", "high"]].sort_index()


def figures_of(experiment: Mapping[str, Any]) -> Iterator[FigureRef]:
    """Every figure, or row of figures, that an experiment names."""
    for table in experiment["tables"]:
        yield from map(FigureRef.parse, table["rows"].values())
    for claim in experiment["claims"]:
        yield FigureRef.parse(claim["of"])
        if isinstance(claim["over"], str):
            yield FigureRef.parse(claim["over"])
    if "compared" in experiment:
        compared = experiment["compared"]
        yield FigureRef.parse(compared["default"])
        yield from (FigureRef.parse(arm["figure"]) for arm in compared["arms"].values())
    for variant in experiment.get("fronts", {}).values():
        yield FigureRef(variant, 1, "merged")


def of_split(figures: pd.DataFrame, split: str) -> pd.DataFrame:
    """The figures of one split, and those of what was learnt from, which belong to every one."""
    return figures[figures["split"].isin([split, "train"])]


def variants_of(experiment: Mapping[str, Any]) -> list[str]:
    """The variants whose runs an experiment needs, each once."""
    return list(dict.fromkeys(figure.variant for figure in figures_of(experiment)))
