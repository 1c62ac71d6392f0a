"""Node of reporting: what came of it in plain words, what got worse as plainly as the rest."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from selfscore.metrics.catalog import HEADLINE, metric
from selfscore.metrics.figures import HEALTH, SHUFFLED, among, of_judges
from selfscore.metrics.health import HealthThresholds, find_breaches
from selfscore.report import labels
from selfscore.report.beside import beside
from selfscore.report.caveats import caveats, rests_on
from selfscore.report.changes import (
    AS_CONSTANT,
    BETTER,
    FEW,
    UNCLEAR,
    VERDICTS,
    WORSE,
    shown_round,
)
from selfscore.report.labels import BASE, MERGED, format_value
from selfscore.report.settings import ReportingSettings
from selfscore.report.tables import records

# Metric → what is said when it got better, when it got worse, and when neither is clear.
_WORDS = {
    "srcc": (
        "The scores follow the raters more closely",
        "The scores follow the raters less closely",
        "How closely the scores follow the raters",
    ),
    "plcc": (
        "The scores follow the raters more closely along a line",
        "The scores follow the raters less closely along a line",
        "How closely the scores follow the raters along a line",
    ),
    "mae": (
        "The scores lie closer to the raters’",
        "The scores lie further from the raters’",
        "How far the scores lie from the raters’",
    ),
    "within_1": (
        "More scores are at most one level off",
        "Fewer scores are at most one level off",
        "How many scores are at most one level off",
    ),
    "rps": (
        "The predicted distributions are better",
        "The predicted distributions are worse",
        "How good the predicted distributions are",
    ),
    "consistency": (
        "The explanations fit their scores better",
        "The explanations fit their scores less well",
        "How well the explanations fit their scores",
    ),
    "faithfulness": (
        "More of what is written is true of the picture",
        "Less of what is written is true of the picture",
        "How much of what is written is true of the picture",
    ),
    "format_valid": (
        "More answers keep the response format",
        "Fewer answers keep the response format",
        "How many answers keep the response format",
    ),
}
_EMBEDDED = "tfidf"


def summarize(
    champion: dict[str, Any],
    changes: pd.DataFrame,
    figures: pd.DataFrame,
    consistency_judge: dict[str, Any],
    thresholds: HealthThresholds,
    settings: ReportingSettings,
) -> dict[str, Any]:
    """The outcome in sentences, each figure beside what it has to be compared with.

    Args:
        champion: the record of the choice.
        changes: what the champion changed, see `measure_changes`.
        figures: of all rounds.
        consistency_judge: state of the embedded judge, with what it reached on unseen texts.
        thresholds: limits of health.
        settings: of which `split` counts.

    Returns:
        headline and choice (sentences); tiles (one record a large figure: metric, title, axis,
        percent, before, after, change, low, high, verdict, `text` for the change, and `beside` for
        what it is compared with); a list of sentences for each of `VERDICTS`, costs (of merging)
        and notes (more of them); and intervals (what they rest on, in a sentence).
    """
    split = settings.split
    number = shown_round(champion, int(figures["round"].max()))
    against_base = changes[changes["against"] == BASE].set_index("metric", drop=False)
    listed: dict[str, list[str]] = {verdict: [] for verdict in VERDICTS}
    for row in records(against_base):
        said = f"{_sentence(row)} {beside(row['metric'], figures, split)}"
        listed[str(row["verdict"])].append(said)
    return {
        "headline": _headline(champion, against_base, split),
        "choice": _choice(champion),
        "tiles": [
            _tile(row) | {"beside": beside(name, figures, split)}
            for name in HEADLINE
            for row in records(against_base[against_base["metric"] == name])
        ],
        **listed,
        "costs": list(_merging(changes, number)),
        "notes": [
            *_skill(against_base),
            *caveats(figures, split, number),
            *_excluded(champion),
            *_another_round(changes, number),
            *_controls(figures, split, number),
            *_judge(figures, consistency_judge, number),
            *_breaches(figures, thresholds, split, number),
        ],
        "intervals": _intervals(against_base, split),
    }


def change_text(row: dict[str, Any]) -> str:
    """A change with its interval, such as "+0.38 [0.31 to 0.47]"; shares in percentage points.

    One that rests on few groups or images says so.
    """
    percent = metric(row["metric"]).percent
    change = f"{_signed(row['change'], percent)}{' points' if percent else ''}"
    if math.isnan(row["low"]):
        return change
    ends = " to ".join(_signed(row[end], percent) for end in ("low", "high"))
    if row["drawn"] >= FEW:
        return f"{change} [{ends}]"
    what = "groups" if row["drawn"] < row["n"] else "images"
    return f"{change} [{ends}, unsure: {row['drawn']} {what} only]"


def _headline(champion: dict[str, Any], against_base: pd.DataFrame, split: str) -> str:
    if champion["round"] == 0:
        return "No round’s policy beat the base model, so the base model stays the champion."
    if "srcc" not in against_base.index:
        return f"The champion is {champion['policy']}."
    row = against_base.loc["srcc"]
    figures = f"from {row['before']:.2f} to {row['after']:.2f}"
    said = {
        BETTER: f"raises the agreement with the raters {figures}",
        AS_CONSTANT: f"raises the agreement with the raters {figures}, which is not clearly more "
        "than the none of one answer for all,",
        WORSE: f"lowers the agreement with the raters {figures}",
        UNCLEAR: f"does not clearly change the agreement with the raters ({figures})",
    }
    return f"The champion, {champion['policy']}, {said[str(row['verdict'])]} on the {split} images."


def _choice(champion: dict[str, Any]) -> str:
    words = metric(champion["metric"])
    rivals = ", ".join(
        f"{name} "
        f"{format_value(candidate['figures'].get(champion['metric'], math.nan), words.percent)}"
        for name, candidate in champion["candidates"].items()
    )
    chosen = (
        f"Chosen by {words.axis or champion['metric']} on the {champion['images']} "
        f"{champion['chosen_on']} images alone ({rivals})."
    )
    if not champion["tied_with"]:
        return chosen
    return (
        f"{chosen} That is a tie: as far as these images can tell, "
        f"{' and '.join(champion['tied_with'])} may be as good."
    )


def _sentence(row: dict[str, Any]) -> str:
    words = metric(row["metric"])
    better, worse, unclear = _WORDS[row["metric"]]
    said = {WORSE: worse, UNCLEAR: unclear}.get(row["verdict"], better)
    before, after = (_figure(row[side], words.percent) for side in ("before", "after"))
    return f"{said}: {words.axis} {before} → {after}, {change_text(row)}."


def _tile(row: dict[str, Any]) -> dict[str, Any]:
    words = metric(row["metric"])
    return {
        "metric": row["metric"],
        "title": words.title,
        "axis": words.axis,
        "percent": words.percent,
        **{key: float(row[key]) for key in ("before", "after", "change", "low", "high")},
        "verdict": row["verdict"],
        "text": change_text(row),
    }


def _excluded(champion: dict[str, Any]) -> Iterator[str]:
    for name, candidate in champion["candidates"].items():
        if candidate["excluded"]:
            yield f"{name} could not be chosen: {candidate['excluded']}."


def _merging(changes: pd.DataFrame, number: int) -> Iterator[str]:
    """What the merged policy gave up against the experts it was made of."""
    experts = changes[~changes["against"].str.match(rf"{BASE}$|round_\d+$")]
    lost = experts[(experts["verdict"] == WORSE) & experts["metric"].isin(HEADLINE)]
    for row in records(lost):
        words = metric(row["metric"])
        yield (
            f"Against round {number}’s {labels.policy(row['against'])} alone: {words.axis} "
            f"{_figure(row['before'], words.percent)} → {_figure(row['after'], words.percent)}, "
            f"{change_text(row)}."
        )


def _another_round(changes: pd.DataFrame, number: int) -> Iterator[str]:
    rows = changes[(changes["against"] == f"round_{number - 1}") & (changes["metric"] == "srcc")]
    for row in records(rows):
        said = {
            BETTER: f"Round {number} was worth it",
            AS_CONSTANT: f"Round {number} brought no clear skill",
            WORSE: f"Round {number} made it worse",
            UNCLEAR: f"Round {number} brought no clear change",
        }[row["verdict"]]
        yield (
            f"{said}: rank correlation {row['before']:.3f} after round {number - 1}, "
            f"{row['after']:.3f} after round {number}, {change_text(row)}."
        )


def _controls(figures: pd.DataFrame, split: str, number: int) -> Iterator[str]:
    """Controls that must be about 0: each is said, and whether it is."""
    merged: dict[str, Any] = {"round": number, "split": split, "policy": MERGED}
    own = among(figures, of=SHUFFLED, metric="srcc", **merged)
    for row in records(own):
        fine = row["low"] <= 0 <= row["high"]
        yield (
            f"Shown other images than those it is measured on, its agreement with the raters is "
            f"{_interval(row)}: "
            + (
                "no skill is left, as it must be."
                if fine
                else "that is not 0, so part of its agreement does not come from the picture."
            )
        )
    rows = among(of_judges(figures), of=None, metric="consistency_wrong_image", **merged)
    for row in records(rows):
        if row["low"] > 0:
            yield (
                f"Part of the consistency is common to all explanations: held against the score of "
                f"another image it is still {_interval(row)} (judge {row['of']})."
            )


def _judge(figures: pd.DataFrame, consistency_judge: dict[str, Any], number: int) -> Iterator[str]:
    rows = among(of_judges(figures), of=None, metric="discrimination", round=number)
    for row in records(rows):
        told, seen = row["value"], ""
        # Up to round 1 these are the texts that the embedded judge was fitted on.
        if row["of"] == _EMBEDDED and number <= 1:
            told = consistency_judge["held_out"]["discrimination"]
            seen = " (on texts it was not fitted on)"
        yield (
            f"The judge {row['of']} tells the text for the right score from that for a wrong "
            f"one for {format_value(told, percent=True)} of the training images{seen}, where "
            f"chance is {format_value(0.5, percent=True)}."
        )


def _breaches(
    figures: pd.DataFrame, thresholds: HealthThresholds, split: str, number: int
) -> Iterator[str]:
    """What is unhealthy; where the base model is so too, training is not what caused it."""
    rows = among(figures, of=HEALTH, split=split)
    base, own = rows[rows["policy"] == BASE], rows[(rows["policy"] == MERGED)]
    before = {found.breach.threshold for found in find_breaches(base, thresholds)}
    for found in find_breaches(own[own["round"] == number], thresholds):
        breach = found.breach
        if breach.threshold in before:
            value = format_value(breach.value, metric(breach.figure).percent)
            words = metric(breach.figure).title.lower()
            yield (
                f"Health: {words} ({value}) is beyond its limit (`{breach.threshold}`), as it is "
                "with the untrained base model: training did not cause it."
            )
        else:
            yield f"Health: {breach.sentence}"


def _skill(against_base: pd.DataFrame) -> Iterator[str]:
    """Which figures show no skill, because one answer for all images does as well."""
    none = against_base[against_base["beyond"].eq(False)]
    if none.empty:
        return
    names = ", ".join(metric(name).short for name in none["metric"])
    yield (
        f"No skill is shown by {names}: the same answer for every image does as well there, "
        "whatever changed against the base model."
    )


def _intervals(against_base: pd.DataFrame, split: str) -> str:
    of_scores = against_base[against_base["metric"] == "srcc"]
    return "".join(rests_on(row["drawn"], row["n"], split) for row in records(of_scores))


def _figure(value: float, percent: bool) -> str:
    return format_value(value, percent)


def _signed(value: float, percent: bool) -> str:
    text = f"{100 * value:+.1f}" if percent else f"{value:+.3f}"
    return text.replace("-", "−")


def _interval(row: dict[str, Any]) -> str:
    low, high = (f"{row[end]:.2f}".replace("-", "−") for end in ("low", "high"))
    return f"{row['value']:.2f} [{low} to {high}]".replace("-", "−")
