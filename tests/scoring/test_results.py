from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from selfscore import cli
from selfscore.scoring import ScoredImage
from selfscore.scoring.output import FORMATS, form_of, write
from selfscore.scoring.results import Origin, sheet_row, tabulate

ORIGIN = Origin("policy_2", "ab" * 32, "org/model", "main", "1.2.3", "stars", (1.0, 2.5, 5.0))
RESULTS = [
    ScoredImage(
        "photos/ä, b.jpg",
        ORIGIN,
        score=2.1234567891,
        level=1,
        probabilities=(0.5, 0.3, 0.2),
        explanation='It is "fine",\nmostly.',
    ),
    ScoredImage("photos/broken.jpg", ORIGIN, error="damaged or cut off"),
]


def written(form: str) -> str:
    return written_bytes(RESULTS, form).decode()


def written_bytes(results: list[ScoredImage], form: str) -> bytes:
    stream = io.BytesIO()
    write(iter(results), form, stream)
    return stream.getvalue()


def test_json_and_lines_hold_the_same_records() -> None:
    records = json.loads(written("json"))
    assert records == [json.loads(line) for line in written("jsonl").splitlines()]
    assert records[0] == {
        "image": "photos/ä, b.jpg",
        "score": 2.123457,
        "lowest_score": 1.0,
        "highest_score": 5.0,
        "level": 1,
        "explanation": 'It is "fine",\nmostly.',
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
    text = written_bytes(RESULTS[::-1], "csv").decode()
    broken, scored = csv.DictReader(io.StringIO(text))
    assert broken["probability_0"] == "" and scored["probability_0"] == "0.5"


def test_the_table_says_scale_policy_and_what_failed() -> None:
    text = " ".join(written("table").split())
    assert "2.12 1 It is" in text
    assert "not scored: damaged or cut off" in text
    assert "Images below photos/" in text
    assert "Scale: stars; scores can be 1.00 (level 0) to 5.00 (level 2)" in text
    assert "Policy: policy_2 (abababababab) on org/model, selfscore 1.2.3" in text


@pytest.mark.parametrize("said", ["[red]no markup[/red]", "a \x1b[31mred\x1b[0m word", "[/]"])
def test_what_a_model_says_does_not_steer_the_terminal(said: str) -> None:
    result = ScoredImage("a.png", ORIGIN, 1.0, 0, (1.0, 0.0, 0.0), said)
    shown = written_bytes([result], "table").decode()
    assert "\x1b" not in shown
    assert "".join(said.replace("\x1b", "\N{REPLACEMENT CHARACTER}").split()) in "".join(
        shown.split()
    )


def test_lines_are_written_while_they_come() -> None:
    stream = io.BytesIO()

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


def test_tsv_is_csv_with_tabs() -> None:
    (scored, _) = csv.DictReader(io.StringIO(written("tsv")), delimiter="\t")
    assert scored == next(csv.DictReader(io.StringIO(written("csv"))))


def test_parquet_has_the_columns_of_the_record() -> None:
    table = pd.read_parquet(io.BytesIO(written_bytes(RESULTS, "parquet")))
    assert list(table.columns) == list(RESULTS[0].record())
    assert table["score"][0] == 2.1234567891
    assert table["probabilities"][0].tolist() == [0.5, 0.3, 0.2]


@pytest.mark.parametrize("said", ["=1+1", "a \x1b[31mred\x1b[0m word", "+49", "@x"])
def test_excel_gets_text_and_never_a_formula(said: str) -> None:
    result = ScoredImage(said, ORIGIN, 1.0, 0, (1.0, 0.0, 0.0), said)
    book = openpyxl.load_workbook(io.BytesIO(written_bytes([result, RESULTS[1]], "xlsx")))
    header, first, second = book["scores"].iter_rows()
    assert [cell.value for cell in header] == list(sheet_row(result.record()))
    assert first[0].value == said.replace("\x1b", "\N{REPLACEMENT CHARACTER}")
    assert first[0].data_type == "s" and first[1].value == 1.0
    assert second[1].value is None


@pytest.mark.parametrize(
    ("output", "named", "form"),
    [
        (None, None, "table"),
        (None, "csv", "csv"),
        ("a.CSV", None, "csv"),
        ("a.txt", None, "table"),
        ("a.parquet", None, "parquet"),
        ("a.xlsx", "xlsx", "xlsx"),
        ("a.log", "jsonl", "jsonl"),
    ],
)
def test_the_format_is_that_of_the_name(output: str | None, named: str | None, form: str) -> None:
    assert form_of(Path(output) if output else None, named) == form


@pytest.mark.parametrize(
    ("output", "named", "message"),
    [
        (None, "xlsx", "xlsx is no text: name a file"),
        ("a.ods", None, r"'a\.ods' does not say its format.*\.parquet"),
        ("a", None, "does not say its format"),
        ("a.csv.gz", None, "does not say its format"),
        ("a.xlsx", "csv", "is to be xlsx by its name, and csv by --format"),
    ],
)
def test_a_name_of_no_format_is_refused(
    output: str | None, named: str | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        form_of(Path(output) if output else None, named)


def test_the_command_offers_every_format() -> None:
    assert tuple(FORMATS) == cli._FORMATS
