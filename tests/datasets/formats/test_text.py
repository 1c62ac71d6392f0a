from __future__ import annotations

import io

import pandas as pd
import pytest

from selfscore.datasets.formats.text import read_delimited, read_table


def parquet(**columns: list[object]) -> bytes:
    stream = io.BytesIO()
    pd.DataFrame(columns).to_parquet(stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("scores.csv", b"image,score\n00123,4.50\n00124,\n"),
        ("scores.csv", b"image;score\r\n00123;4.50\r\n00124;\r\n"),
        ("SCORES.CSV", b"\xef\xbb\xbfimage,score\n00123,4.50\n00124,\n"),
        ("scores.tsv", b"image\tscore\n00123\t4.50\n00124\t\n"),
        (
            "scores.jsonl",
            b'{"image": "00123", "score": "4.50"}\n{"image": "00124", "score": null}\n',
        ),
        ("scores.parquet", parquet(image=["00123", "00124"], score=["4.50", None])),
    ],
)
def test_every_cell_is_text(name: str, content: bytes) -> None:
    table = read_table(name, content)
    assert list(table.columns) == ["image", "score"]
    assert list(table["image"]) == ["00123", "00124"]
    assert table["score"][0] == "4.50"
    assert table["score"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", b'{"image": "a", "score": 4.5}\n'),
        ("a.parquet", parquet(image=["a"], score=[4.5])),
    ],
)
def test_numbers_become_text(name: str, content: bytes) -> None:
    assert read_table(name, content)["score"][0] == "4.5"


def test_words_for_missing_values_are_names() -> None:
    table = read_table("a.csv", b"image,score,group\na,nan,NA\nb,1,None\n")
    assert list(table["group"]) == ["NA", "None"]
    assert table["score"][0] == "nan"


def test_quoted_names_keep_their_commas() -> None:
    table = read_table("a.csv", 'image,score\n"a, b [1] \u00e9.png",1\n'.encode())
    assert table["image"][0] == "a, b [1] \u00e9.png"


def test_other_separator() -> None:
    assert list(read_delimited("votes", b"image=score\na=3\n", sep="=").columns) == [
        "image",
        "score",
    ]


def test_unknown_kind() -> None:
    with pytest.raises(ValueError, match=r"scores\.ods.*none of \.csv, \.tsv.*Export"):
        read_table("scores.ods", b"PK")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b""),
        ("a.csv", "caf\u00e9,score\n".encode("latin-1")),
        ("a.jsonl", b"{not json\n"),
        ("a.parquet", b"PAR1 cut off"),
        ("a.parquet", b""),
    ],
)
def test_unreadable_table(name: str, content: bytes) -> None:
    with pytest.raises(ValueError, match=r"'a\.\w+' cannot be read.*one row per image"):
        read_table(name, content)
