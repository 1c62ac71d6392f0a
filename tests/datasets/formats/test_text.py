from __future__ import annotations

import codecs
import csv
import gzip
import io
import json

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from selfscore.datasets.formats import text
from selfscore.datasets.formats.text import is_table, read_list, read_table

PLAIN = "image,score\n00123,4.50\n00124,\n"


def parquet(**columns: list[object]) -> bytes:
    stream = io.BytesIO()
    pd.DataFrame(columns).to_parquet(stream)
    return stream.getvalue()


def workbook(**sheets: list[list[object]]) -> bytes:
    stream = io.BytesIO()
    with pd.ExcelWriter(stream) as writer:
        for name, rows in sheets.items():
            pd.DataFrame(rows).to_excel(writer, sheet_name=name, header=False, index=False)
    return stream.getvalue()


LINES = '{"image": "00123", "score": 4.50}\n{"image": "00124", "score": null}\n'


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("scores.csv", PLAIN.encode()),
        ("SCORES.CSV", codecs.BOM_UTF8 + PLAIN.encode()),
        ("scores.csv", b"image;score\r\n00123;4.50\r\n00124;\r\n"),
        ("scores.csv", b"image|score\r00123|4.50\r00124|\r"),
        ("scores.csv", b"sep=;\nimage;score\n00123;4.50\n00124;\n"),
        ("scores.csv", b" image , score\n00123,4.50,\n00124,,\n,,,\n\n"),
        ("scores.csv", b"image,score\n00123,4.50,\n00124,,\n"),
        ("scores.tsv", b"image\tscore\n00123\t4.50\n00124\t\n"),
        ("scores.txt", PLAIN.replace(",", "\t").encode("utf-16")),
        ("scores.csv", PLAIN.encode("utf-32")),
        ("scores.csv", codecs.BOM_UTF32_BE + PLAIN.encode("utf-32-be")),
        ("scores.csv.gz", gzip.compress(PLAIN.encode(), mtime=0)),
        ("scores.jsonl", LINES.encode()),
        ("scores.jsonl", codecs.BOM_UTF8 + LINES.encode()),
        ("scores.jsonl.gz", gzip.compress(LINES.encode(), mtime=0)),
        ("scores.parquet", parquet(image=["00123", "00124"], score=["4.50", None])),
        (
            "scores.xlsx",
            workbook(one=[[" image", "score"], ["00123", "4.50"], [None, None], ["00124", None]]),
        ),
    ],
)
def test_every_cell_is_text(name: str, content: bytes) -> None:
    table = read_table(name, content).rows
    assert list(table.columns) == ["image", "score"]
    assert list(table["image"]) == ["00123", "00124"]
    assert table["score"][0] == "4.50"
    assert table["score"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", b'{"image": "a", "score": 4.5}\n'),
        ("a.parquet", parquet(image=["a"], score=[4.5])),
        ("a.xlsx", workbook(one=[["image", "score"], ["a", 4.5]])),
    ],
)
def test_numbers_become_text(name: str, content: bytes) -> None:
    assert read_table(name, content).rows["score"][0] == "4.5"


def test_what_was_recognised_is_said() -> None:
    content = codecs.BOM_UTF8 + b"image;score, 1-5\na;4,5\n"
    assert read_table("a.csv", content).recognised == ("separator ';'", "UTF-8 with BOM")
    assert read_table("a.tsv", b"image\tscore\na\t4").recognised == ("separator 'tab'", "UTF-8")
    book = workbook(one=[["image"], ["a"]], two=[["x"]])
    assert read_table("a.xlsx", book).recognised == ("sheet 'one' of 2",)


def test_blanks_separate_where_nothing_else_can() -> None:
    table = read_table("a.txt", b"image score\na.jpg 4.5\nb.jpg 3\n")
    assert table.rows["score"].tolist() == ["4.5", "3"]
    assert table.recognised[0] == "separator 'blank'"
    assert list(read_table("a.csv", b"my image\na b c\nd\n").rows.columns) == ["my image"]


def test_an_end_of_file_mark_is_no_row() -> None:
    assert len(read_table("a.csv", b"image,score\na,1\nb,2\n\x1a").rows) == 2
    assert len(read_table("a.jsonl", b'{"image": "a", "score": 1}\n\x1a').rows) == 1


def test_lines_nested_too_deeply_are_named() -> None:
    deep = b'{"image": "a", "score": 1}\n' + b"[" * 100_000
    with pytest.raises(ValueError, match="line 2 is not JSON"):
        read_table("a.jsonl", deep)


def test_words_for_missing_values_are_names() -> None:
    table = read_table("a.csv", b"image,score,group\na,nan,NA\nb,1,None\n").rows
    assert list(table["group"]) == ["NA", "None"]
    assert table["score"][0] == "nan"
    book = workbook(one=[["image", "group"], ["a", "NA"]])
    assert list(read_table("a.xlsx", book).rows["group"]) == ["NA"]


def test_quoted_cells_keep_commas_and_line_breaks() -> None:
    content = 'image,score,said\n"a, b [1] \u00e9.png",1,"dark\nand 5"" wide"\nc 5".png,2,\n'
    table = read_table("a.csv", content.encode()).rows
    assert list(table["image"]) == ["a, b [1] \u00e9.png", 'c 5".png']
    assert table["said"][0] == 'dark\nand 5" wide'


def test_an_index_of_parquet_is_a_column() -> None:
    stream = io.BytesIO()
    pd.DataFrame({"image": ["a"], "score": [1]}).set_index("image").to_parquet(stream)
    assert list(read_table("a.parquet", stream.getvalue()).rows.columns) == ["image", "score"]


def test_unknown_kind() -> None:
    with pytest.raises(ValueError, match=r"scores\.ods.*none of \.csv, \.tsv.*Export"):
        read_table("scores.ods", b"PK")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b""),
        ("a.csv", b"\n,,\n"),
        ("a.csv", "caf\u00e9,score\n".encode("latin-1")),
        ("a.csv.gz", PLAIN.encode()),
        ("a.csv.gz", gzip.compress(PLAIN.encode(), mtime=0)[:-9]),
        ("a.jsonl", b"{not json\n"),
        ("a.jsonl", b"[1, 2]\n"),
        ("a.jsonl", b'{"image": "a", "score": 1, "score ": 2}\n'),
        ("a.parquet", b"PAR1 cut off"),
        ("a.parquet", b""),
        ("a.xlsx", b"no workbook"),
        ("a.xlsx", b""),
    ],
)
def test_unreadable_table(name: str, content: bytes) -> None:
    with pytest.raises(ValueError, match=r"'a\.[\w.]+' cannot be read.*one row per image") as said:
        read_table(name, content)
    assert "\n" not in str(said.value)


def test_two_columns_of_one_name_in_a_parquet_file_are_told_in_one_line() -> None:
    stream = io.BytesIO()
    column = pa.array(["a"])
    pq.write_table(pa.table([column, column], names=["score", "score"]), stream)
    with pytest.raises(ValueError, match="score") as said:
        read_table("a.parquet", stream.getvalue())
    assert "\n" not in str(said.value)


def test_a_workbook_is_as_large_as_what_is_filled() -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in ([None, " image", "score"], [], [None, "a", 4], [None, "b", "#N/A"]):
        sheet.append(row)
    sheet["XFD1048576"] = "seen"
    stream = io.BytesIO()
    book.save(stream)
    table = read_table("a.xlsx", stream.getvalue()).rows
    assert table.columns.tolist() == ["image", "score", ""]
    assert table.fillna("").to_numpy().tolist() == [["a", "4", ""], ["b", "", ""], ["", "", "seen"]]


@pytest.mark.parametrize("kind", ["csv.gz", "xlsx"])
def test_what_unpacks_to_more_than_memory_is_refused(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "_MOST_BYTES", 5000)
    long = "x" * 6000
    small, large = (
        workbook(one=[["image"], ["a"], [said]])
        if kind == "xlsx"
        else gzip.compress(f"image\na\n{said}\n".encode())
        for said in ("x", long)
    )
    if kind == "csv.gz":
        assert len(read_table(f"a.{kind}", small).rows) == 2
    with pytest.raises(ValueError, match="larger than 1 GiB"):
        read_table(f"a.{kind}", large)


ROWS = [f"{number:02}.jpg,{number}.5,fine" for number in range(60)]


@pytest.mark.parametrize(
    "opened",
    [
        # Each with a second one, without which the file would end within a cell.
        {10: '"10.jpg,10.5,fine', 20: '"20.jpg,20.5,fine'},
        {10: '10.jpg,10.5,"fine', 20: '20.jpg,20.5,fine"'},
        {10: '10.jpg,10.5,"fine', 11: '11.jpg,11.5,fine"'},
        {10: '10.jpg,"10.5,fine', 20: '20.jpg,20.5",fine'},
        {10: '"10.jpg,10.5,fine'},
        {59: '59.jpg,59.5,"fine'},
    ],
)
def test_a_quotation_mark_that_swallows_rows_is_named(opened: dict[int, str]) -> None:
    lines = ["image,score,said", *(opened.get(n, row) for n, row in enumerate(ROWS))]
    with pytest.raises(ValueError, match=rf"quotation mark in line {min(opened) + 2} "):
        read_table("a.csv", "\n".join(lines).encode())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"image,score\na,1\nb,2,3\n", "line 3 has 3 cells, and the header 2"),
        (b"image,score\n1,a,1\n2,b,2\n", "line 2 has 3 cells"),
        (b"image,score\na,1\n\xe9,2\n", "line 3 is not UTF-8.*CSV UTF-8"),
    ],
)
def test_the_line_that_is_wrong_is_named(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_table("a.csv", content)


def test_lists_without_header() -> None:
    assert read_list("a.txt", b'5".jpg  1\n\nb 2\r\n', ["image", "score"])["image"][0] == '5".jpg'
    with pytest.raises(ValueError, match=r"'a\.txt' cannot be read: line 2 has 3 cells instead"):
        read_list("a.txt", b"a 1\nb c 2\n", ["image", "score"])


@pytest.mark.parametrize(
    ("name", "expected"),
    [("x/a.CSV", True), ("a.jsonl.gz", True), ("a.gz", False), ("~$a.xlsx", False), (".a.csv", 0)],
)
def test_what_is_a_table_by_its_name(name: str, expected: bool) -> None:
    assert is_table(name) == expected


texts = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=6)
names = texts.filter(lambda text: text.strip() and "\n" not in text)
cells = st.lists(st.tuples(names, texts), min_size=1, max_size=6)


@given(cells, st.sampled_from(",;\t|"), st.booleans())
def test_what_a_spreadsheet_writes_is_read_cell_by_cell(
    rows: list[tuple[str, str]], separator: str, mark: bool
) -> None:
    stream = io.StringIO()
    csv.writer(stream, delimiter=separator).writerows([("image", "score"), *rows])
    content = stream.getvalue().encode("utf-8-sig" if mark else "utf-8")
    # A line of a cell that looks like a row is refused, see above.
    assume(not any("\n" in said and separator in said for _, said in rows))
    table = read_table("a.csv", content).rows
    assert [tuple(row) for row in table.fillna("").to_numpy()] == rows


@given(st.text(st.sampled_from('ab1,;"\n\t'), max_size=60))
def test_no_line_is_ever_lost(body: str) -> None:
    lines = ["image,score,said", *body.split("\n")]
    try:
        table = read_table("a.csv", "\n".join(lines).encode()).rows
    except ValueError as error:
        assert "line" in str(error)
        return
    # A row is a line with text, but for cells with line breaks, none of whose lines is a row.
    broken = sum(str(cell).count("\n") for cell in table.fillna("").to_numpy().ravel())
    filled = sum(bool(line.strip(", \t")) for line in lines[1:])
    certain = sum(bool(line.strip('", \t')) for line in lines[1:])
    assert certain - broken <= len(table) <= filled + broken


@given(st.lists(st.dictionaries(texts, texts, min_size=1, max_size=3), max_size=5))
def test_lines_of_json_are_all_read(rows: list[dict[str, str]]) -> None:
    assume(all(len({name.strip() for name in row}) == len(row) for row in rows))
    content = "\n".join(json.dumps(row) for row in rows).encode()
    assert len(read_table("a.jsonl", content).rows) == len(rows)
