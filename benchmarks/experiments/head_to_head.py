"""The part of a page that holds the default against each competitor, in Markdown and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from benchmarks.experiments.definitions import Definitions, FigureRef, of_split
from benchmarks.experiments.drawings import Arm, pareto_figure
from benchmarks.experiments.markdown import markdown_table, with_interval
from benchmarks.experiments.means import mean_interval
from benchmarks.experiments.paired import COLUMNS, paired_difference
from benchmarks.experiments.records import Records
from selfscore.metrics.intervals import Interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

METRICS = tuple(COLUMNS)
_DEFAULT = "**the default**"
_READING = """\
How far the default is ahead of each, the mean over the seeds of both, on the same images: above 0
it is ahead, below 0 behind. Intervals (95 %) are from 1000 draws of whole scenes and of seeds at
once. **Bold** is what lies on one side of 0. What writes no text is compared by its score alone.
"""
_VERDICTS = {
    "behind": "Where the default is behind",
    "ahead": "Where the default is ahead",
    "open": "Where the runs do not tell",
}


@dataclass(frozen=True)
class Lead:
    """How far the default is ahead of a competitor in one metric."""

    arm: str
    metric: str
    by: Interval

    @property
    def verdict(self) -> str:
        """A key of `_VERDICTS`."""
        if self.by.low > 0:
            return "ahead"
        return "behind" if self.by.high < 0 else "open"


def head_to_head(
    compared: Mapping[str, Any],
    records: Records,
    others: Mapping[str, Records],
    definitions: Definitions,
) -> tuple[list[str], dict[str, Figure]]:
    """Tables, lists and pictures of one comparison.

    Args:
        compared: `default`, a figure; `arms`, label → `figure` and what its `epochs` are; `splits`
            that are shown, the first one in the picture too; `picture`, its file; `data`, name of
            other records → what is said of them.
        records: of the runs on the demo.
        others: name → records of the runs on other images.
        definitions: what metrics are called.

    Returns:
        Parts of the page, and file below `docs` → picture.
    """
    parts: list[str] = []
    pictures: dict[str, Figure] = {}
    measured = [split for split in compared["splits"] if _has(records, compared, split)]
    if measured:
        arms = _arms(compared, records, measured[0])
        pictures[compared["picture"]] = pareto_figure(arms, definitions.names)
        parts += [
            "## Score against explanation\n",
            f"![Score against consistency and faithfulness](../{compared['picture']})\n",
            f"*Means over the seeds on the {measured[0]} images; bars are 95 % intervals of the "
            "mean over seeds. The larger a point, the longer it took to make; what writes no text "
            "is a line at its score.*\n",
        ]
    for split in measured:
        parts += _on(f"the {split} images", compared, records, split, definitions.names)
    for name, said in compared.get("data", {}).items():
        if name in others and _has(others[name], compared, "test"):
            images = f"{said['title']}, test images"
            parts += _on(images, compared, others[name], "test", definitions.names)
            parts.append(said["about"])
    return parts, pictures


def leads(compared: Mapping[str, Any], records: Records, split: str) -> list[Lead]:
    """How far the default is ahead of every arm in every metric that both have."""
    default = _answers(FigureRef.parse(compared["default"]), records, split)
    found = []
    for label, arm in compared["arms"].items():
        other = _answers(FigureRef.parse(arm["figure"]), records, split)
        for metric in METRICS:
            by = paired_difference(default, other, metric)
            if by is not None:
                found.append(Lead(label, metric, by))
    return found


def _on(
    images: str,
    compared: Mapping[str, Any],
    records: Records,
    split: str,
    names: Mapping[str, str],
) -> list[str]:
    found = leads(compared, records, split)
    return [
        f"## What each reaches: {images}\n",
        _reached(compared, records, split, names),
        f"## How far the default is ahead: {images}\n",
        _READING,
        _differences(compared, found, names),
        *_lists(found, names),
    ]


def _reached(
    compared: Mapping[str, Any], records: Records, split: str, names: Mapping[str, str]
) -> str:
    figures = of_split(records.figures, split)
    default = FigureRef.parse(compared["default"])
    whole = mean_interval(default.find(figures, "seconds")["value"]).value
    named = {_DEFAULT: {"figure": compared["default"]}} | compared["arms"]
    rows = []
    for label, arm in named.items():
        place = FigureRef.parse(arm["figure"])
        found = {metric: place.find(figures, metric)["value"] for metric in (*METRICS, "seconds")}
        if found["srcc"].empty:
            continue
        took = mean_interval(found["seconds"]).value
        rows.append(
            [
                label,
                str(arm.get("epochs", "–")),
                "–" if pd.isna(took) else f"{took:.0f}",
                "–" if pd.isna(took / whole) else f"{took / whole:.2f}",
                str(len(found["srcc"])),
                *(with_interval(mean_interval(found[metric])._asdict()) for metric in METRICS),
            ]
        )
    header = ["", "epochs a round", "seconds", "of the default's", "seeds", *_named(names)]
    return markdown_table(header, rows)


def _differences(
    compared: Mapping[str, Any], found: Sequence[Lead], names: Mapping[str, str]
) -> str:
    by = {(lead.arm, lead.metric): lead for lead in found}
    rows = [
        [f"against {arm}", *(_cell(by.get((arm, metric))) for metric in METRICS)]
        for arm in compared["arms"]
        if any((arm, metric) in by for metric in METRICS)
    ]
    return markdown_table(["", *_named(names)], rows)


def _cell(lead: Lead | None) -> str:
    if lead is None:
        return "–"
    text = _signed(lead.by)
    return text if lead.verdict == "open" else f"**{text}**"


def _lists(found: Sequence[Lead], names: Mapping[str, str]) -> list[str]:
    """Every difference in a list of its own kind, losses first."""
    parts = []
    for verdict, title in _VERDICTS.items():
        lines = [
            f"- {names.get(lead.metric, lead.metric)} against {lead.arm}: {_signed(lead.by)}"
            for lead in found
            if lead.verdict == verdict
        ]
        parts += [f"### {title}\n", "\n".join(lines or ["Nowhere."]) + "\n"]
    return parts


def _signed(by: Interval) -> str:
    return f"{by.value:+.3f} [{by.low:+.3f}, {by.high:+.3f}]"


def _arms(compared: Mapping[str, Any], records: Records, split: str) -> list[Arm]:
    figures = of_split(records.figures, split)
    named = {"the default": compared["default"]} | {
        label: arm["figure"] for label, arm in compared["arms"].items()
    }
    found = []
    for label, figure in named.items():
        place = FigureRef.parse(figure)
        means = {
            metric: mean_interval(place.find(figures, metric)["value"])
            for metric in (*METRICS, "seconds")
        }
        if means["srcc"].n:
            found.append(Arm(label, means))
    return found


def _answers(place: FigureRef, records: Records, split: str) -> pd.DataFrame:
    said = records.answers
    return said[
        (said["variant"] == place.variant)
        & (said["round"] == place.round)
        & (said["policy"] == place.policy)
        & (said["split"] == split)
    ]


def _has(records: Records, compared: Mapping[str, Any], split: str) -> bool:
    if records.answers.empty:
        return False
    return not _answers(FigureRef.parse(compared["default"]), records, split).empty


def _named(names: Mapping[str, str]) -> list[str]:
    return [names.get(metric, metric) for metric in METRICS]
