"""Tables by the way they are written: encodings, separators, quotation marks, kinds of files."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.hostile.ingestion import NAMES, SCORES, SOUND, named, table, tried, write_images
from benchmarks.hostile.inputs import QUARANTINED, REFUSED, USED, Input

_SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
_LINE_ENDS = {"LF": "\n", "CRLF": "\r\n", "CR": "\r"}
_READ = {
    "UTF-8": "utf-8",
    "UTF-8 with BOM": "utf-8-sig",
    "UTF-16": "utf-16",
    "UTF-32": "utf-32",
}
_NOT_READ = {
    "Latin-1": "latin-1",
    "Windows-1252": "cp1252",
    "Mac Roman": "mac_roman",
    "UTF-16 without BOM": "utf-16-le",
    "UTF-32 without BOM": "utf-32-le",
    "EBCDIC": "cp500",
    "Shift JIS": "shift_jis",
    "UTF-7": "utf-7",
}
# A text that no encoding but Unicode's has in one way.
_GROUPS = tuple(f"Ångström {number // 2}" for number in range(len(NAMES)))
_KNOWN = dict(zip(NAMES, _GROUPS, strict=True))


def _rows(separator: str, end: str, groups: tuple[str, ...] = _GROUPS) -> str:
    header = separator.join(["image", "score", "scene"])
    rows = zip(NAMES, map(str, SCORES), groups, strict=True)
    return end.join([header, *(separator.join(row) for row in rows)]) + end


def encodings() -> Iterator[Input]:
    """Every encoding with every separator, and each of both with every line end."""
    kind = "tables: encodings, separators, line ends"
    ends = list(_LINE_ENDS.items())
    for (row, (code, codec)), (column, (name, separator)) in product(
        enumerate(_READ.items()), enumerate(_SEPARATORS.items())
    ):
        end, sign = ends[(row + column) % len(ends)]
        content = _rows(separator, sign).encode(codec)
        yield tried(kind, f"{code}, {name}, {end}", content, (USED,), groups=_KNOWN)
    for (code, codec), name in product(_NOT_READ.items(), ("comma", "tab")):
        groups = tuple(f"à la carte {number}" for number in range(len(NAMES)))
        if codec == "shift_jis":
            groups = tuple(f"写真 {number}" for number in range(len(NAMES)))
        content = _rows(_SEPARATORS[name], "\n", groups).encode(codec)
        # In UTF-7 all but the letter with the accent is ASCII, and it stands in a group's name.
        allowed = (USED,) if codec == "utf-7" else (REFUSED,)
        yield tried(kind, f"{code}, {name}", content, allowed, "scores.csv")


def decimal_commas() -> Iterator[Input]:
    """Scores such as 4,25, between each of the separators."""
    kind = "tables: decimal commas"
    comma = {name: f"{score:.2f}".replace(".", ",") for name, score in SOUND.items()}
    for name, separator in _SEPARATORS.items():
        for quote in ("", '"'):
            rows = [f"{image}{separator}{quote}{text}{quote}" for image, text in comma.items()]
            content = "\n".join([f"image{separator}score", *rows]) + "\n"
            if name == "comma" and not quote:
                says = r"line \d+ has 3 cells|quotation marks"
                yield tried(kind, f"between {name}s, bare", content, (REFUSED,), says)
            else:
                how = "quoted" if quote else "bare"
                yield tried(kind, f"between {name}s, {how}", content, (USED,))
    thousands = {image: f'"{place + 1},{place:03d}"' for place, image in enumerate(NAMES)}
    yield tried(kind, "that may be thousands", table(thousands), (REFUSED,), "may be 1.000 or 1000")
    mixed = {**{image: f'"{text}"' for image, text in comma.items()}, NAMES[3]: "4.5"}
    yield tried(kind, "and one point", table(mixed), (REFUSED,), "is not a number")
    one = {**SOUND, NAMES[3]: '"4,5"'}
    yield tried(
        kind,
        "in one row among points",
        table(one),
        (QUARANTINED,),
        scores={name: score for name, score in SOUND.items() if name != NAMES[3]},
        quarantined=[(NAMES[3], "'4,5' is not a number")],
    )


def quotation_marks() -> Iterator[Input]:
    """Marks that are not closed, in each place, and those that are."""
    kind = "tables: quotation marks"
    for place, (name, separator), cell in product((0, 23), _SEPARATORS.items(), ("image", "score")):
        cells = [["image", "score"], *([image, str(score)] for image, score in SOUND.items())]
        column = ("image", "score").index(cell)
        cells[place + 1][column] = '"' + cells[place + 1][column]
        content = "\n".join(separator.join(row) for row in cells) + "\n"
        says = rf"quotation mark in line {place + 2} "
        yield tried(kind, f"open in row {place + 1}, {cell}, {name}", content, (REFUSED,), says)
    for first, second in ((1, 4), (3, 20), (10, 11)):
        rows = [f"{image},{score},note" for image, score in SOUND.items()]
        rows[first], rows[second] = f'{rows[first]} 7" wide', f'{rows[second]} 5" wide'
        content = "\n".join(["image,score,remark", *rows]) + "\n"
        # Marks within a cell are letters like others.
        yield tried(kind, f"inches in rows {first} and {second}", content, (USED,))
        rows = [f"{image},{score},note" for image, score in SOUND.items()]
        rows[first] = rows[first].replace("note", '"note')
        rows[second] = rows[second].replace("note", 'note"')
        content = "\n".join(["image,score,remark", *rows]) + "\n"
        says = f"quotation mark in line {first + 2} "
        yield tried(kind, f"opened in {first}, closed in {second}", content, (REFUSED,), says)


def widths() -> Iterator[Input]:
    """Rows with more or fewer cells than the header, and lines that are none."""
    kind = "tables: rows and header"
    lines = table().splitlines()
    short = {name: score for name, score in SOUND.items() if name != NAMES[5]}
    lacking: dict[str, Any] = {"scores": short, "quarantined": [(NAMES[5], "no score")]}

    def changed(place: int, text: str) -> str:
        return "\n".join([*lines[:place], text, *lines[place + 1 :]]) + "\n"

    yield tried(
        kind, "one cell too many", changed(6, "p05.png,3,4"), (REFUSED,), "line 7 has 3 cells"
    )
    yield tried(kind, "a row without its score", changed(6, "p05.png"), (QUARANTINED,), **lacking)
    yield tried(kind, "an empty score", changed(6, "p05.png,"), (QUARANTINED,), **lacking)
    yield tried(kind, "commas behind each row", table().replace("\n", ",\n"), (USED,))
    rows_alone = "\n".join([lines[0], *(f"{line},,," for line in lines[1:])]) + "\n"
    yield tried(kind, "commas behind each row but the header", rows_alone, (USED,))
    yield tried(kind, "blank lines", table().replace("\n", "\n\n"), (USED,))
    yield tried(kind, "blank lines first", "\n\n" + table(), (USED,))
    yield tried(kind, "lines of commas at the end", table() + ",\n,\n,\n", (USED,))
    yield tried(kind, "lines of blanks at the end", table() + "   \n \t\n", (USED,))
    yield tried(kind, "no line end at the end", table().rstrip("\n"), (USED,))
    yield tried(kind, "Excel's sep=,", "sep=,\n" + table(), (USED,))
    yield tried(kind, "Excel's sep=;", "sep=;\n" + table().replace(",", ";"), (USED,))
    yield tried(kind, "blanks around header cells", table(header=" image , score "), (USED,))
    yield tried(kind, "blanks around all cells", table().replace(",", " , "), (USED,))
    yield tried(
        kind, "an end-of-file mark behind", table() + "\x1a", (USED, REFUSED, QUARANTINED), ""
    )
    for name, text in {
        "no header": "\n".join(lines[1:]) + "\n",
        "header in another language": table(header="Bild,Note"),
        "a comment above": "# made by hand\n" + table(),
        "a title above": "Ratings of spring\n" + table(),
        "header with a zero-width space": table(header="image\u200b,score"),
        "an empty header cell": table(header="image,"),
    }.items():
        yield tried(
            kind, name, text, (REFUSED,), r"(has no column|cannot be read).*(Its columns|line \d)"
        )
    yield tried(kind, "header in capitals", table(header="IMAGE,SCORE"), (USED,))
    twice = "\n".join(["image,score,score", *(f"{line},1" for line in lines[1:])]) + "\n"
    yield tried(kind, "two columns score", twice, (REFUSED,), "two columns 'score'")
    index = "\n".join([",image,score", *(f"{n},{line}" for n, line in enumerate(lines[1:]))]) + "\n"
    yield tried(kind, "an index of pandas", index, (USED,))
    for name, text in {
        "no byte": "",
        "one line end": "\n",
        "blanks alone": "   \n  \n",
        "a BOM alone": "\ufeff",
        "a header alone": "image,score\n",
        "zero bytes": "\0" * 400,
        "HTML": "<!doctype html><html><body><h1>404 Not Found</h1></body></html>\n",
        "a Git LFS pointer": "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
        "a list in JSON": json.dumps([{"image": name, "score": 1} for name in NAMES]),
    }.items():
        yield tried(kind, name, text, (REFUSED,), r"scores\.csv|score table")


def noise() -> Iterator[Input]:
    """A column of remarks with anything in it, written by Python's csv; and bytes of no meaning."""
    kind = "tables: remarks of chance, bytes of chance"
    letters = "aé写🙂,;|\t\"' =#\\\u2028{}"
    for seed in range(8):
        chance = random.Random(seed)
        separator = chance.choice(list(_SEPARATORS.values()))
        stream = io.StringIO(newline="")
        writer = csv.writer(
            stream,
            delimiter=separator,
            lineterminator=chance.choice(list(_LINE_ENDS.values())[:2]),
            quoting=chance.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
        )
        writer.writerow(["remark", "image", "score"])
        for name, score in SOUND.items():
            remark = "".join(chance.choices(letters, k=chance.randint(0, 12)))
            writer.writerow([remark, name, score])
        codec = chance.choice(list(_READ.values()))
        yield tried(kind, f"remarks, seed {seed}", stream.getvalue().encode(codec), (USED,))
    for seed in range(4):
        content = random.Random(seed).randbytes(500 * (seed + 1))
        yield tried(kind, f"bytes, seed {seed}", content, (REFUSED,), r"scores\.csv")
    for seed in range(8):
        whole = bytearray(table().encode())
        chance = random.Random(seed)
        # A byte of a name or of the header: a score with another digit is a score.
        place = chance.choice([at for at in range(len(whole)) if chr(whole[at]) in "pngimaecor,"])
        whole[place] = chance.choice(b"\x00\x07\x80\xc3\xff")
        row = whole.count(b"\n", 0, place)
        name = NAMES[row - 1] if row else ""
        left = {image: score for image, score in SOUND.items() if image != name}
        yield tried(
            kind,
            f"one byte is {whole[place]:02x}, seed {seed}",
            bytes(whole),
            (REFUSED, QUARANTINED) if row else (REFUSED,),
            scores=left,
            quarantined=[(_path(bytes(whole), row), "")] if row else [],
        )


def _path(content: bytes, row: int) -> str:
    return content.split(b"\n")[row].decode(errors="replace").split(",")[0].strip()


def _frame() -> pd.DataFrame:
    return pd.DataFrame({"image": NAMES, "score": SCORES})


def kinds_of_files() -> Iterator[Input]:
    """Each kind of file under its own name and under those of others, whole and cut off."""
    kind = "tables: kinds of files"
    lines = "".join(json.dumps({"image": n, "score": s}) + "\n" for n, s in SOUND.items())
    book, columns = io.BytesIO(), io.BytesIO()
    _frame().to_excel(book, index=False)
    _frame().to_parquet(columns, index=False)
    text = table().encode()
    files = {
        "csv": text,
        "tsv": text.replace(b",", b"\t"),
        "txt": text,
        "jsonl": lines.encode(),
        "ndjson": lines.encode(),
        "csv.gz": gzip.compress(text),
        "jsonl.gz": gzip.compress(lines.encode()),
        "xlsx": book.getvalue(),
        "parquet": columns.getvalue(),
    }
    for suffix, content in files.items():
        file = f"scores.{suffix}"
        yield tried(kind, f".{suffix}", content, (USED,), file=file)
        if suffix not in ("csv", "tsv", "txt", "jsonl", "ndjson"):
            half = content[: len(content) // 2]
            file = f"scores.{suffix}"
            yield tried(kind, f".{suffix} cut off", half, (REFUSED,), file, file=file)
        if suffix not in ("csv", "tsv", "txt"):
            yield tried(kind, f".{suffix} called .csv", content, (REFUSED,), r"scores\.csv")
        if suffix not in ("csv", "txt"):
            file = f"scores.{suffix}"
            allowed = (USED,) if suffix == "tsv" else (REFUSED,)
            yield tried(kind, f".csv called .{suffix}", text, allowed, file, file=file)
    yield tried(kind, "a suffix CSV", text, (USED,), file="scores.CSV")
    for suffix in ("json", "xls", "ods", "pkl", ""):
        file = f"scores.{suffix}".rstrip(".")
        yield tried(kind, f"a suffix {suffix or 'none'}", text, (REFUSED,), "none of", file=file)


def objects() -> Iterator[Input]:
    """Lines of JSON with one that is odd."""
    kind = "tables: lines of JSON"
    rows = [json.dumps({"image": name, "score": score}) for name, score in SOUND.items()]
    left = {name: score for name, score in SOUND.items() if name != NAMES[7]}

    def with_line(line: str) -> str:
        return "\n".join([*rows[:7], line, *rows[8:]]) + "\n"

    for name, line in {
        "not JSON": "{image: p07.png}",
        "half an object": '{"image": "p07.png", "sco',
        "a list": '["p07.png", 3]',
        "a number": "3",
        "a name twice": '{"image": "p07.png", "score": 3, "score": 4}',
        "two objects": '{"image": "p07.png"} {"score": 3}',
        "nested too deeply": "[" * 100_000 + "]" * 100_000,
    }.items():
        yield tried(kind, name, with_line(line), (REFUSED,), "line 8", file="scores.jsonl")
    for name, value, reason in (
        ("a score null", "null", "no score"),
        ("a score NaN", "NaN", "is not a number"),
        ("a score Infinity", "Infinity", "is not a number"),
        ("a score true", "true", "is not a number"),
        ("a score that is a list", "[3]", "is not a number"),
        ("a score that is an object", '{"value": 3}', "is not a number"),
        ("an empty score", '""', "no score"),
        ("a score of 5,000 digits", "9" * 5000, ""),
    ):
        line = f'{{"image": "p07.png", "score": {value}}}'
        yield tried(
            kind,
            name,
            with_line(line),
            (QUARANTINED,),
            file="scores.jsonl",
            scores=left,
            quarantined=[(NAMES[7], reason)],
        )
    own = SOUND[NAMES[7]]
    for name, line in {
        "a score that is a text": f'{{"image": "p07.png", "score": "{own}"}}',
        "a score with an exponent": f'{{"image": "p07.png", "score": {own * 10}e-1}}',
        "keys with blanks": f'{{" image": "p07.png", "score ": {own}}}',
        "an object more": f'{{"image": "p07.png", "score": {own}, "exif": {{"iso": [1, 2]}}}}',
        "escapes": f'{{"image": "\\u007007.png", "score": {own}}}',
    }.items():
        yield tried(kind, name, with_line(line), (USED,), file="scores.jsonl")
    bom = "\ufeff" + "\n".join(rows)
    yield tried(kind, "a BOM", bom, (USED,), file="scores.jsonl")
    lacking = '{"score": 3}'
    yield tried(
        kind,
        "an object without image",
        with_line(lacking),
        (QUARANTINED,),
        file="scores.jsonl",
        scores=left,
        quarantined=[("", "no image name")],
    )


def several() -> Iterator[Input]:
    """Folders with more tables than one."""
    kind = "tables: several in a folder"
    sides = {"train": NAMES[:14], "val": NAMES[14:18], "test": NAMES[18:]}
    right = {
        name: {"val": "validation"}.get(side, side)
        for side, names in sides.items()
        for name in names
    }

    def make(folder: Path, files: dict[str, str]) -> None:
        write_images(folder)
        (folder / "lists").mkdir()
        for name, content in files.items():
            (folder / "lists" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "lists" / name).write_text(content)

    def of(names: tuple[str, ...], header: str = "image,score") -> str:
        return table({name: SOUND[name] for name in names}, header)

    parts = {side: of(names) for side, names in sides.items()}

    def beside_train(test: str) -> dict[str, str]:
        return {"train.csv": parts["train"], "test.csv": test}

    for name, files, allowed, says, splits in (
        ("train, val, test", {f"{s}.csv": t for s, t in parts.items()}, (USED,), "", right),
        ("a folder each", {f"{s}/a.csv": t for s, t in parts.items()}, (USED,), "", right),
        ("one is no table", {"train.csv": table(), "notes.md": "see there"}, (USED,), "", {}),
        ("one is hidden", {"a.csv": table(), "._a.csv": "\0", "~$a.xlsx": "x"}, (USED,), "", {}),
        ("one lacks the score", beside_train(of(sides["test"], "image,mos")),
         (REFUSED,), "test.csv' has no column 'score'", {}),
        ("one is empty", beside_train(""), (REFUSED,), r"test\.csv", {}),
        ("one has the split", beside_train("image,score,split\np20.png,2,test\n"),
         (REFUSED,), "no column 'split'", {}),
        ("no table", {"readme.md": "hello"}, (REFUSED,), "no table", {}),
        ("nothing", {}, (REFUSED,), "no table|empty", {}),
    ):  # fmt: skip
        yield tried(
            kind,
            name,
            "",
            allowed,
            says,
            make=lambda folder, files=files: make(folder, files),
            command=named("lists"),
            splits=splits,
        )


FAMILIES = (
    encodings,
    decimal_commas,
    quotation_marks,
    widths,
    noise,
    kinds_of_files,
    objects,
    several,
)
