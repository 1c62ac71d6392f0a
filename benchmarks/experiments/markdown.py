"""Pieces of a page that tells of runs: tables, figures with intervals, how and where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, with the end of its last line."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def with_interval(figure: Mapping[Any, Any]) -> str:
    """A figure (value, low, high) as text; without its interval, or as a dash, where missing."""
    if pd.isna(figure["value"]):
        return "–"
    if pd.isna(figure["low"]):
        return f"{figure['value']:.3f}"
    return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"


def runs_table(runs: Sequence[dict[str, Any]]) -> str:
    """Command, time, threads, date and commit of every run."""
    rows = [
        [
            f"`{run['command']}`",
            f"{run['seconds'] / 60:.1f} min",
            str(run["threads"]),
            run["finished"][:10],
            run["commit"],
        ]
        for run in runs
    ]
    return markdown_table(["command", "took", "threads", "finished", "commit"], rows)


def environment(runs: Sequence[dict[str, Any]]) -> str:
    """The machines and versions that the runs were made with, each once."""
    lines = []
    for run in runs:
        versions = ", ".join(f"{name} {number}" for name, number in run["versions"].items())
        line = f"{run['processor']}, {run['cores']} cores, Python {run['python']}; {versions}."
        if line not in lines:
            lines.append(line)
    return "\n".join(["Storage and tracking of each run are kept apart.", "", *lines, ""])
