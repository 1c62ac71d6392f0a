"""A straight line a node, drawn through two small runs, held against larger ones.

Knows records of seconds; knows no model and no GPU.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

# What a node's seconds grow with, by its name without the round; of the others, the images.
_OF_TRAINED = re.compile(r"force_levels|explain|weigh|train|build|fit_|ridge|report_pref")
_OF_ASKED = re.compile(r"predict|judge_|measure_policies|find_|read_texts|gather_pairs|reporting")
_WITH_MODEL = re.compile(r"encode|explain|weigh|train|predict|_edits|reader|read_texts")
_WITH_INTERVALS = re.compile(r"measure_|gather_figures")
# Stages as they are shown, in this order; a node is in the first that its name fits.
STAGES = {
    "image features": r"encode_images",
    "writing texts": r"explain_forced_levels",
    "weighing references": r"weigh_references",
    "training: level": r"train_level",
    "training: pairs": r"train_",
    "asking policies": r"predict_",
    "faults rendered, reader": r"_edits|reader|read_texts",
    "tables and figures": r"",
}


@dataclass(frozen=True)
class Counts:
    """Images of a run.

    Attributes:
        images: all.
        train: that are trained on.
        asked: that policies are asked about.
    """

    images: int
    train: int
    asked: int

    def of(self, node: str) -> int:
        """How many a node goes through."""
        if _OF_TRAINED.search(node):
            return self.train
        return self.asked if _OF_ASKED.search(node) else self.images


def drawn(images: int, trained: float = 0.6) -> Counts:
    """Counts of splits as they are drawn by default."""
    train = round(images * trained)
    return Counts(images, train, images - train)


def given(splits: Mapping[str, int]) -> Counts:
    """Counts of splits that a table names; all but `train` are asked about."""
    images = sum(splits.values())
    return Counts(images, splits["train"], images - splits["train"])


@dataclass(frozen=True)
class Line:
    """Seconds of a node: `fixed`, and `rate` for each of what it goes through."""

    fixed: float
    rate: float

    def at(self, count: int) -> float:
        """Seconds over so many."""
        return self.fixed + self.rate * count


def lines(small: Mapping[str, Any], large: Mapping[str, Any]) -> dict[str, Line]:
    """A line a node through two measured runs; none falls, and none begins below 0."""
    found = {}
    for node, seconds in large["nodes"].items():
        few, many = (drawn(run["images"]).of(node) for run in (small, large))
        rate = max(0.0, (seconds - small["nodes"].get(node, seconds)) / (many - few))
        rate = min(rate, seconds / many)
        found[node] = Line(seconds - rate * many, rate)
    return found


def predict(known: Mapping[str, Line], nodes: Iterable[str], counts: Counts) -> dict[str, float]:
    """Seconds by stage of those nodes that have a line."""
    found = dict.fromkeys(STAGES, 0.0)
    for node in nodes:
        if node in known:
            found[stage_of(node)] += known[node].at(counts.of(node))
    return found


def measured(known: Mapping[str, Line], seconds: Mapping[str, float]) -> dict[str, float]:
    """The same of a run's own seconds, over the same nodes."""
    found = dict.fromkeys(STAGES, 0.0)
    for node, one in seconds.items():
        if node in known:
            found[stage_of(node)] += one
    return found


def medians(runs: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Each node's median over runs of one kind; of the first round alone."""
    nodes = runs[0]["nodes"]
    early = [node for node in nodes if not re.match(r"iteration_[2-9]|reporting", node)]
    return {node: median(run["nodes"][node] for run in runs) for node in early}


def stage_of(node: str) -> str:
    """The stage that a node is shown in."""
    name = node.split(".")[-1]
    return next(stage for stage, pattern in STAGES.items() if re.search(pattern, name))


def tables_rate(known: Mapping[str, Line]) -> float:
    """Seconds an image of all nodes without a model or intervals, in a run of one round."""
    counts = drawn(1_000_000)
    total = sum(
        line.rate * counts.of(node)
        for node, line in known.items()
        if not (_WITH_MODEL.search(node) or _WITH_INTERVALS.search(node))
    )
    return total / counts.images
