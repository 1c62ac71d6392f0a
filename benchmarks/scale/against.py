"""The sections of docs/scale.md that hold predictions against what was measured."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.performance import scaling
from benchmarks.scale import finished, measure, prediction

# The runs that the lines are drawn through.
SMALL, LARGE = 100, 400
TARGET = 0.2
_HEAD = ["| stage | predicted | measured | difference |", "| --- | --- | --- | --- |"]


def runs() -> dict[int, dict[str, Any]]:
    """The measured runs, by their number of images."""
    files = measure.RECORDS.glob("images_*.json")
    found = [json.loads(file.read_text()) for file in files]
    return {run["images"]: run for run in sorted(found, key=lambda run: run["images"])}


def known_lines() -> dict[str, prediction.Line]:
    """Seconds of every node, from the two small runs."""
    found = runs()
    return prediction.lines(found[SMALL], found[LARGE])


def sections() -> Iterator[str]:
    """Against the finished runs, against larger ones, and an earlier record."""
    known, done = known_lines(), json.loads(finished.RECORD.read_text())
    seconds, counts = prediction.medians(done), prediction.given(done[0]["images"])
    predicted = prediction.predict(known, seconds, counts)
    found = prediction.measured(known, seconds)
    machine = runs()[LARGE]["machine"]
    yield "## Predicted against measured"
    yield ""
    yield (
        f"The demo model on one core ({machine['processor']}). A straight line is drawn for every "
        f"node through runs of one round over {SMALL} and {LARGE} images (processor seconds, "
        f"{machine['date']}, commit {machine['commit']}), and held against {len(done)} finished "
        f"runs over {counts.images:,} images ({counts.train} trained on; processor seconds, "
        f"median; commit {done[0]['commit']}): baseline and first round, the nodes that both have."
    )
    yield ""
    yield from _HEAD
    yield from _rows(predicted, found)
    yield ""
    yield _verdict(predicted, found)
    yield ""
    yield (
        "Both kinds of runs saw each picture once, and had other work beside them on the machine."
    )
    yield ""
    yield from _larger(known)
    yield from _older()


def process_bytes() -> float:
    """By which a process of the demo grows an image, its stored features left out."""
    images = json.loads(scaling.RECORD.read_text())["images"]
    grown = max(
        images["10000"][stage]["peak_mib"] - images["1000"][stage]["peak_mib"]
        for stage in scaling.STAGES
        if stage != "baseline"  # It makes the features, and holds them twice while it stores them.
    )
    features = 16 * 192 * 4  # of the demo: 16 tokens of 192 numbers, float32
    return float(grown * 2**20 / 9000 - features)


def _rows(predicted: Mapping[str, float], found: Mapping[str, float]) -> Iterator[str]:
    for stage, seconds in found.items():
        if seconds:
            yield _compared(stage, predicted[stage], seconds)
    yield _compared("**all**", sum(predicted.values()), sum(found.values()))


def _compared(name: str, predicted: float, seconds: float) -> str:
    return f"| {name} | {predicted:,.1f} s | {seconds:,.1f} s | {predicted / seconds - 1:+.0%} |"


def _verdict(predicted: Mapping[str, float], found: Mapping[str, float]) -> str:
    whole = sum(predicted.values()) / sum(found.values()) - 1
    missed = [
        stage
        for stage, seconds in found.items()
        if seconds and abs(predicted[stage] / seconds - 1) > TARGET
    ]
    within = "within" if abs(whole) <= TARGET else "**not** within"
    which = ", ".join(missed) or "none"
    return (
        f"The whole is {within} {TARGET:.0%} of what was measured; these stages are not: {which}."
    )


def _larger(known: Mapping[str, prediction.Line]) -> Iterator[str]:
    yield "Larger runs, of one round:"
    yield ""
    yield _HEAD[0].replace("stage", "images")
    yield _HEAD[1]
    measured, open_ = runs(), []
    for count in (1000, 10_000):
        predicted = sum(prediction.predict(known, known, prediction.drawn(count)).values())
        if count in measured:
            found = sum(prediction.measured(known, measured[count]["nodes"]).values())
            yield _compared(f"{count:,}", predicted, found)
        else:
            open_.append(str(count))
            yield f"| {count:,} | {predicted:,.0f} s | not measured yet | |"
    if open_:
        yield ""
        yield (
            "Runs that are not measured yet want a quiet machine: "
            f"`python -m benchmarks.scale.measure --images {' '.join(open_)}`, then this page "
            "again."
        )
    yield ""


def _older() -> Iterator[str]:
    """The same kind of prediction, over a record that reaches 10,000 images."""
    record = json.loads(scaling.RECORD.read_text())
    small, middle, large = (record["images"][str(count)] for count in (100, 1000, 10_000))
    predicted, found = {}, {}
    for stage in scaling.STAGES:
        few, many = (run[stage]["seconds"] for run in (small, middle))
        predicted[stage] = many + max(0.0, many - few) / 900 * 9000
        found[stage] = large[stage]["seconds"]
    machine = record["machine"]
    yield (
        f"An earlier record does reach 10,000 images ([performance.md](performance.md), "
        f"{machine['date']}, commit {machine['commit']}, with the experts of that time; processor "
        "seconds of each stage as a process of its own). Its runs over 100 and 1,000 images "
        "predict that over 10,000:"
    )
    yield ""
    yield from _HEAD
    yield from _rows(predicted, found)
    yield ""
    yield _verdict(predicted, found)
    yield ""
