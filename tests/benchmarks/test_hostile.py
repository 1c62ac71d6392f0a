"""Inputs of strangers: a few of each kind for real; that a wrong outcome is noticed; the record."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.hostile import page, records
from benchmarks.hostile.__main__ import ROOMS, inputs
from benchmarks.hostile.harness import TIMED_OUT, Ended, in_child
from benchmarks.hostile.ingestion import LEVELS, NAMES, SCORES, SOUND, Ingested
from benchmarks.hostile.inputs import CRASHED, QUARANTINED, REFUSED, SILENTLY_WRONG, USED, Input
from benchmarks.hostile.trial import message_of, outcome_of, said_alike

# Rooms whose inputs need no finished run.
QUICK = ("tables", "images", "parameters")


@pytest.mark.slow
def test_a_few_of_each_kind(project: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.hostile", *QUICK, "--every", "45"]
    done = subprocess.run(
        [*command, "--compared", "0", "--records", str(tmp_path)],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project / "src")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    for room in QUICK:
        with (tmp_path / f"{room}.csv").open(newline="") as stream:
            rows = list(csv.DictReader(stream))
        assert len(rows) == len(inputs(room)[::45])
        assert {row["outcome"] for row in rows} <= {USED, QUARANTINED, REFUSED}


def test_every_input_has_a_name_of_its_own_and_says_what_is_right() -> None:
    every = [one for room in ROOMS for one in inputs(room)]
    assert len(every) > 900
    assert len({(one.kind, one.name) for one in every}) == len(every)
    for one in every:
        assert one.allowed
        assert set(one.allowed) <= {USED, QUARANTINED, REFUSED}


def ended(screen: str = "", code: int = 0) -> Ended:
    return Ended(code, screen, 1.0)


def an_input(*allowed: str, **options: object) -> Input:
    return Input("x", "tables: x", lambda folder: None, ("run",), allowed, **options)


def ingested(folder: Path, scores: dict[str, float], quarantine: list[tuple[str, str]]) -> None:
    """Tables as ingestion leaves them: four levels of as many images."""
    order = sorted(scores, key=scores.__getitem__)
    level = {name: place * LEVELS // len(order) for place, name in enumerate(order)}
    images = pd.DataFrame(
        {
            "path": list(scores),
            "score": list(scores.values()),
            "level": [level[name] for name in scores],
            "split": "train",
        }
    )
    values = images.groupby("level")["score"].mean().tolist()
    record = {"levels": LEVELS, "values": values, "edges": [0.0] * (LEVELS - 1)}
    for name in ("scored_images.parquet", "score_scale.json"):
        (folder / f"data/03_primary/{name}/1").mkdir(parents=True)
    images.to_parquet(folder / "data/03_primary/scored_images.parquet/1/scored_images.parquet")
    pd.Series(record).to_json(folder / "data/03_primary/score_scale.json/1/score_scale.json")
    (folder / "data/02_intermediate").mkdir()
    rows = pd.DataFrame(quarantine, columns=["path", "reason"]).assign(listed=True)
    rows.to_parquet(folder / "data/02_intermediate/quarantine.parquet")


def test_the_right_result_is_used_and_any_other_is_silently_wrong(tmp_path: Path) -> None:
    ingested(tmp_path, dict(SOUND), [])
    assert outcome_of(an_input(USED, expected=Ingested()), tmp_path, ended()).right
    for expected in (
        Ingested({**SOUND, NAMES[3]: SOUND[NAMES[3]] + 1e-6}),
        Ingested({name: score for name, score in SOUND.items() if name != NAMES[3]}),
        Ingested({**SOUND, "more.png": 1.0}),
        Ingested(quarantined=[(NAMES[3], "no score")]),
        Ingested(levels=5),
        Ingested(splits={NAMES[0]: "test"}),
    ):
        found = outcome_of(an_input(USED, expected=expected), tmp_path, ended())
        assert found.outcome == SILENTLY_WRONG
        assert not found.right


def test_a_score_that_was_given_to_another_image_is_noticed(tmp_path: Path) -> None:
    ingested(tmp_path, dict(zip(NAMES, SCORES[::-1], strict=True)), [])
    found = outcome_of(an_input(USED, expected=Ingested()), tmp_path, ended())
    assert found.outcome == SILENTLY_WRONG
    assert "has the score" in found.sentence


def test_quarantine_is_compared_row_by_row(tmp_path: Path) -> None:
    left = {name: score for name, score in SOUND.items() if name != NAMES[3]}
    ingested(tmp_path, left, [(NAMES[3], "no score")])
    right = Ingested(left, [(NAMES[3], "no score")])
    assert outcome_of(an_input(QUARANTINED, expected=right), tmp_path, ended()).right
    other = Ingested(left, [(NAMES[3], "is not a number")])
    assert not outcome_of(an_input(QUARANTINED, expected=other), tmp_path, ended()).right
    # Also where nothing should have been left out.
    assert not outcome_of(an_input(USED, expected=right), tmp_path, ended()).right


@pytest.mark.parametrize(
    ("screen", "code", "outcome", "right"),
    [
        ("Error: no column 'x'.", 1, REFUSED, True),
        ("Error: something else.", 1, REFUSED, False),
        ("12:00:00  INFO    reading\nError: no column 'x'.", 2, REFUSED, True),
        ("Traceback (most recent call last):\nKeyError: no column 'x'", 1, CRASHED, False),
        ("\n".join(["no column 'x'"] * 6), 1, CRASHED, False),
        ("", 1, CRASHED, False),
        ("no column 'x'", -11, CRASHED, False),
        ("", TIMED_OUT, CRASHED, False),
        ("all is well, no column 'x'", 0, SILENTLY_WRONG, False),
        ("Error: no column 'x', sk-secret", 1, SILENTLY_WRONG, False),
    ],
)
def test_outcomes(tmp_path: Path, screen: str, code: int, outcome: str, right: bool) -> None:
    one = an_input(REFUSED, says="no column 'x'", hidden=("sk-secret",))
    found = outcome_of(one, tmp_path, ended(screen, code))
    assert (found.outcome, found.right) == (outcome, right)


def test_lines_of_the_log_and_bars_are_no_message() -> None:
    screen = (
        "12:00:00  WARNING  far\n                   away\n 50%|##| 1/2\nError: wrong.\n  Mend it.\n"
    )
    assert message_of(screen) == ["Error: wrong.", "  Mend it."]


def test_words_are_compared_without_times() -> None:
    one = ended(f"12:00:00  INFO    done in 1.2 s, run 2026-11-26T10.00.00.000Z {'0a' * 16}")
    other = ended(f"12:00:07  INFO    done in 3.0 s, run 2026-11-26T10.00.09.000Z {'1b' * 16}")
    assert said_alike(one, other)
    assert not said_alike(one, ended("12:00:00  INFO    failed"))
    assert not said_alike(one, Ended(1, one.screen, 1.0))


def test_a_child_is_ended_when_its_time_is_over(tmp_path: Path) -> None:
    import time

    assert in_child(lambda: time.sleep(60) or 0, tmp_path / "a", 0.2).code == TIMED_OUT
    told = in_child(lambda: print("said") or 3, tmp_path / "b", 20)
    assert (told.code, told.screen) == (3, "said\n")


def test_the_records_have_no_crash_and_nothing_silently_wrong() -> None:
    rows = {room: records.read(room) for room in records.rooms()}
    assert sum(len(some) for some, _ in rows.values()) >= 500
    for some, about in rows.values():
        assert not [row for row in some if row["outcome"] in (CRASHED, SILENTLY_WRONG)]
        assert not [row for row in some if row["right"] != "True"]
        assert about["compared"] and not about["differing"]
    assert page.PAGE.read_text() == page.page(rows)
