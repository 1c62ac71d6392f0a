from __future__ import annotations

import csv
import io
import json

import pytest

from selfscore.scoring import ScoredImage
from selfscore.scoring.results import FORMATS, Origin, sheet_row, tabulate, write

ORIGIN = Origin("policy_2", "ab" * 32, "org/model", "main", "1.2.3", "stars", (1.0, 2.5, 5.0))
RESULTS = [
    ScoredImage(
        "photos/ä, b.jpg",
        ORIGIN,
        score=2.5,
        level=1,
        expected_score=2.1234567891,
        probabilities=(0.5, 0.3, 0.2),
        explanation='It is "fine",\nmostly.',
        stated_level=1,
    ),
    ScoredImage("photos/broken.jpg", ORIGIN, error="damaged or cut off"),
]


def written(form: str) -> str:
    stream = io.StringIO()
    write(iter(RESULTS), form, stream)
    return stream.getvalue()


def test_json_and_lines_hold_the_same_records() -> None:
    records = json.loads(written("json"))
    assert records == [json.loads(line) for line in written("jsonl").splitlines()]
    assert records[0] == {
        "image": "photos/ä, b.jpg",
        "score": 2.5,
        "level": 1,
        "expected_score": 2.123457,
        "explanation": 'It is "fine",\nmostly.',
        "stated_level": 1,
        "error": None,
        "probabilities": [0.5, 0.3, 0.2],
        "unit": "stars",
        "scale": [1.0, 2.5, 5.0],
        "policy": "policy_2",
        "policy_digest": "ab" * 32,
        "model": "org/model",
        "model_revision": "main",
        "selfscore_version": "1.2.3",
    }
    assert records[1]["error"] == "damaged or cut off"
    assert records[1]["probabilities"] is None


def test_csv_has_a_column_a_level() -> None:
    scored, broken = csv.DictReader(io.StringIO(written("csv")))
    assert scored["image"] == "photos/ä, b.jpg"
    assert scored["explanation"] == 'It is "fine",\nmostly.'
    assert [float(scored[f"probability_{level}"]) for level in range(3)] == [0.5, 0.3, 0.2]
    assert (scored["lowest_score"], scored["highest_score"]) == ("1.0", "5.0")
    assert broken["probability_2"] == broken["score"] == ""
    assert broken["error"] == "damaged or cut off"


def test_csv_begins_with_a_broken_image_too() -> None:
    stream = io.StringIO()
    write(RESULTS[::-1], "csv", stream)
    broken, scored = csv.DictReader(io.StringIO(stream.getvalue()))
    assert broken["probability_0"] == "" and scored["probability_0"] == "0.5"


def test_the_table_says_scale_policy_and_what_failed() -> None:
    text = " ".join(written("table").split())
    assert "2.12 2.50 1" in text
    assert "not scored: damaged or cut off" in text
    assert "Images below photos/" in text
    assert "Scale: stars, from 1.00 (level 0) to 5.00 (level 2)" in text
    assert "Policy: policy_2 (abababababab) on org/model, selfscore 1.2.3" in text


@pytest.mark.parametrize("said", ["[red]no markup[/red]", "a \x1b[31mred\x1b[0m word", "[/]"])
def test_what_a_model_says_does_not_steer_the_terminal(said: str) -> None:
    stream = io.StringIO()
    result = ScoredImage("a.png", ORIGIN, 1.0, 0, 1.0, (1.0, 0.0, 0.0), said, 0)
    write([result], "table", stream)
    shown = stream.getvalue()
    assert "\x1b" not in shown
    assert "".join(said.replace("\x1b", "\N{REPLACEMENT CHARACTER}").split()) in "".join(
        shown.split()
    )


def test_lines_are_written_while_they_come() -> None:
    stream = io.StringIO()

    def results():
        for number, result in enumerate(RESULTS):
            assert len(stream.getvalue().splitlines()) == number
            yield result

    FORMATS["jsonl"](results(), stream)


def test_a_table_of_data_has_the_same_columns_and_keeps_what_is_missing() -> None:
    table = tabulate(result.record() for result in RESULTS)
    assert list(table.columns) == list(RESULTS[0].record())
    assert table["level"].tolist()[0] == 1 and table["level"].isna().tolist() == [False, True]
    assert sheet_row(table.iloc[1].to_dict())["probability_1"] is None
