"""Node of reporting: the report as one page that needs nothing beside it.

Everything that a model or a file name says goes through the template's escaping. The page forbids
the browser to load anything and to run any script but its own, by a policy of its own.
"""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.resources import files
from typing import Any

import pandas as pd

from selfscore import __version__
from selfscore.metrics.catalog import metric
from selfscore.report import labels
from selfscore.report.changes import AS_CONSTANT, BETTER, UNCLEAR, WITHOUT_LABELS, WORSE
from selfscore.report.drawing import Chart
from selfscore.report.embedding import panel_pictures
from selfscore.report.labels import format_value
from selfscore.report.summary import change_text
from selfscore.report.tables import records

_WORD = re.compile(r"\w+|\W+")
# Verdict → its sign and its words.
_VERDICTS = {
    BETTER: ("▲", "better"),
    AS_CONSTANT: ("◆", "no better than one answer for all"),
    WITHOUT_LABELS: ("◆", "up, as shuffled labels may do"),
    WORSE: ("▼", "worse"),
    UNCLEAR: ("●", "no clear change"),
}


def render_page(
    charts: dict[str, Chart],
    summary: dict[str, Any],
    champion: dict[str, Any],
    changes: pd.DataFrame,
    gallery: pd.DataFrame,
    pairs: pd.DataFrame,
    description: dict[str, Any],
    score_scale: dict[str, Any],
    split: str,
) -> str:
    """The whole page as HTML.

    Args:
        charts: name → chart, in the order of the page.
        summary: see `summarize`.
        champion: see `choose_champion`.
        changes: see `measure_changes`.
        gallery: see `gather_gallery`.
        pairs: see `gather_pairs`.
        description: see `describe_run`; and `data`, what, value and note of the data.
        score_scale: `levels`, `values`, `unit`.
        split: the one that is reported.
    """
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup

    sources = files("selfscore.report") / "page"
    script = (sources / "script.js").read_text(encoding="utf-8")
    environment = Environment(
        loader=FunctionLoader(lambda name: (sources / name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"format_value": format_value, "against": _against, "metric": metric}
    return environment.get_template("report.html").render(
        style=Markup(_colours() + (sources / "style.css").read_text(encoding="utf-8")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        charts=charts,
        pictures={
            name: [Markup(picture) for picture in panel_pictures(name, chart)]
            for name, chart in charts.items()
        },
        summary=summary,
        champion=champion,
        changes=[row | {"text": change_text(row)} for row in records(changes)],
        gallery=[_card(row, score_scale["levels"]) for row in records(gallery)],
        groups=sorted(set(gallery["group"]) - {""}),
        pairs=[_pair(row) for row in records(pairs)],
        description=description,
        verdicts=_VERDICTS,
        scale=score_scale,
        split=split,
        version=__version__,
    )


def _colours() -> str:
    """The palette as CSS variables, for light and for dark."""
    light, dark = (
        "".join(f"--{name}:{pair[side]};" for name, pair in labels.PALETTE.items())
        for side in (0, 1)
    )
    return f":root{{{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}\n"


def _against(name: str) -> str:
    """The other side of a comparison in words."""
    number = re.fullmatch(r"round_(\d+)", name)
    return labels.policy_of_round(int(number[1])) if number else labels.policy(name)


def _card(row: dict[str, Any], levels: int) -> dict[str, Any]:
    """A gallery row with the figures that it is sorted by and the heights of its bars."""
    before, after = row["before_expected_score"], row["after_expected_score"]
    top = max(max(row["before_probabilities"]), max(row["after_probabilities"]))
    return row | {
        "error_before": abs(before - row["score"]),
        "error_after": abs(after - row["score"]),
        "bars": [
            {
                "level": level,
                "before": float(row["before_probabilities"][level]) / top,
                "after": float(row["after_probabilities"][level]) / top,
                "share": float(row["after_probabilities"][level]),
                "true": level == row["level"],
            }
            for level in range(levels)
        ],
    }


def _pair(row: dict[str, Any]) -> dict[str, Any]:
    """A pair with its texts as words, each marked if the other text has not got it."""
    used = {side: set(_words(row[side])) for side in ("chosen", "rejected")}
    marked = {
        f"{side}_words": [
            (word, bool(word.strip()) and word[0].isalnum() and word.lower() not in used[other])
            for word in _WORD.findall(row[side])
        ]
        for side, other in (("chosen", "rejected"), ("rejected", "chosen"))
    }
    verdicts = {1.0: "told", 0.5: "even", 0.0: "misled"}
    return row | marked | {"verdict": verdicts.get(row["told_apart"], "unknown")}


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]
