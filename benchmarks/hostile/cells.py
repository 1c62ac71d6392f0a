"""Tables by what stands in their cells: scores, grades, splits, groups, names of images."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.hostile.ingestion import (
    COUNT,
    NAMES,
    SCORES,
    SOUND,
    Ingested,
    named,
    picture,
    table,
    tried,
    write_images,
)
from benchmarks.hostile.inputs import QUARANTINED, REFUSED, USED, Input

# Texts that are no score, and what quarantine says of them.
_NO_SCORES = {
    "": "no score",
    "NA": "is not a number",
    "nan": "is not a number",
    "N/A": "is not a number",
    "inf": "is not a number",
    "-Infinity": "is not a number",
    "1e400": "is not a number",
    "good": "is not a number",
    "3 stars": "is not a number",
    "4/5": "is not a number",
    "0x10": "is not a number",
    "1_000": "is not a number",
    "3.5.1": "is not a number",
    "--": "is not a number",
    "½": "is not a number",
    "★★★": "is not a number",
    "TRUE": "is not a number",
    "1 000": "is not a number",
    "$3": "is not a number",
    "50%": "is not a number",
    "#DIV/0!": "is not a number",
    "=A1+1": "is not a number",
    "2026-11-26": "is not a number",
    "\N{MINUS SIGN}3": "is not a number",
    "\N{ARABIC-INDIC DIGIT THREE}": "is not a number",
    "\N{FULLWIDTH DIGIT THREE}": "is not a number",
    "3\N{ZERO WIDTH SPACE}": "is not a number",
}
_NUMBERS = {"3": 3.0, "+3": 3.0, "3.": 3.0, ".5": 0.5, "3e0": 3.0, "0003": 3.0, " 3.25 ": 3.25,
            "-2.5": -2.5, "3.0000000000000004": 3.0000000000000004, "\xa03": 3.0}  # fmt: skip


def scores() -> Iterator[Input]:
    """Texts that are no scores, in one row (tolerated) and in three (too many)."""
    kind = "cells: scores"
    for text, reason in _NO_SCORES.items():
        one = table({**SOUND, NAMES[4]: text})
        left = {name: score for name, score in SOUND.items() if name != NAMES[4]}
        found = [(NAMES[4], reason)]
        yield tried(kind, f"{text!r} once", one, (QUARANTINED,), scores=left, quarantined=found)
    for text in ("", "good", "★★★", "inf"):
        three = table({**SOUND, **dict.fromkeys(NAMES[4:7], text)})
        says = rf"3 of {COUNT} rows.*max_quarantine"
        yield tried(kind, f"{text!r} three times", three, (REFUSED,), says)
        every = table(dict.fromkeys(NAMES, text))
        says = rf"{COUNT} of {COUNT} rows"
        yield tried(kind, f"{text!r} throughout", every, (REFUSED,), says)
    for text, score in _NUMBERS.items():
        content = table({**SOUND, NAMES[4]: text})
        right = {**SOUND, NAMES[4]: score}
        yield tried(kind, f"{text!r} is {score}", content, (USED,), scores=right)


def ranges() -> Iterator[Input]:
    """Scores far from the others, and a range that they must keep."""
    kind = "cells: far scores"
    for text in ("50", "-999", "1e12"):
        content, right = table({**SOUND, NAMES[4]: text}), {**SOUND, NAMES[4]: float(text)}
        says = "lie far from the others"
        yield tried(kind, f"{text} among 1 to 7", content, (USED,), says, scores=right)
        left = {name: score for name, score in SOUND.items() if name != NAMES[4]}
        yield tried(
            kind,
            f"{text}, with score_range",
            content,
            (QUARANTINED,),
            scores=left,
            quarantined=[(NAMES[4], "outside 1 to 10")],
            ingestion={"score_range": [1, 10]},
        )
    left = {name: score for name, score in SOUND.items() if name != NAMES[4]}
    found = [(NAMES[4], "score is beyond")]
    content = table({**SOUND, NAMES[4]: "-1e300"})
    yield tried(kind, "-1e300", content, (QUARANTINED,), scores=left, quarantined=found)
    for scale in (1e-12, 1e12, 1e300):
        right = {name: score * scale for name, score in SOUND.items()}
        yield tried(kind, f"all times {scale:g}", table(right), (USED, REFUSED), scores=right)
    huge = {**SOUND, NAMES[4]: 1.7e308, NAMES[5]: -1.7e308}
    yield tried(
        kind, "the largest number and the smallest", table(huge), (USED, REFUSED), scores=huge
    )


def _graded(grades: Sequence[float]) -> dict[str, float]:
    """Sixty images, in the order of the grades so that every split has all of them."""
    return {f"g{number:02d}.png": grades[number % len(grades)] for number in range(60)}


def _make_graded(content: str) -> Any:
    def make(folder: Path) -> None:
        (folder / "images").mkdir()
        for number in range(60):
            (folder / "images" / f"g{number:02d}.png").write_bytes(picture(100 + number))
        (folder / "scores.csv").write_text(content)

    return make


def grades() -> Iterator[Input]:
    """Few different scores, evenly or not: each must become a level, or the way out is told."""
    kind = "cells: grades"
    cycles: Mapping[str, list[float]] = {
        "0 and 1": [0, 1],
        "0 and 1, one in five": [0, 0, 0, 0, 1],
        "three grades": [1, 2, 3],
        "four stars": [1, 2, 3, 4],
        "five stars": [1, 2, 3, 4, 5],
        "five grades, most in two": [2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 0, 1, 4, 1, 4],
        "half stars": [0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5],
        "seven points": [1, 2, 3, 4, 5, 6, 7],
        "ten points": [float(number) for number in range(1, 11)],
        "grades with a gap": [1, 2, 9, 10],
        "negative grades": [-2, -1, 0, 1, 2],
        "grades of thirds": [0, 1 / 3, 2 / 3, 1],
        "many zeros": [0, 0, 0, 0, 0, 0, 0.2, 0.4, 0.6, 0.9],
    }
    for name, cycle in cycles.items():
        right = _graded([float(grade) for grade in cycle])
        distinct = len(set(cycle))
        for levels in sorted({10, distinct}):
            yield tried(
                kind,
                f"{name}, levels: {levels}",
                "",
                (USED,),
                make=_make_graded(table(right)),
                expected=Ingested(right, levels=distinct),
                ingestion={"levels": levels},
            )
    eleven = _graded([float(grade) for grade in range(11)])
    for method in ("quantile", "integer"):
        yield tried(
            kind,
            f"eleven grades, {method}",
            "",
            (USED, REFUSED),
            r"levels|method",
            make=_make_graded(table(eleven)),
            expected=Ingested(eleven, levels=None),
            ingestion={"levels": 10, "method": method},
        )
    for name, value in (("3", 3.0), ("0", 0.0), ("1e308", 1e308)):
        same = dict.fromkeys(SOUND, value)
        yield tried(kind, f"every image has {name}", table(same), (REFUSED,), "different|beyond")
    for count in (1, 2, 3, 5):
        few = {name: SOUND[name] for name in NAMES[:count]}
        says = "split has (no images|one image)"
        yield tried(kind, f"{count} images", table(few), (REFUSED,), says, ingestion={"levels": 10})


_SIDES = ("train",) * 14 + ("validation",) * 4 + ("test",) * 6


def _with_column(values: Sequence[str], header: str) -> str:
    rows = zip(NAMES, SCORES, values, strict=True)
    return "\n".join([f"image,score,{header}", *(f"{n},{s},{v}" for n, s, v in rows)]) + "\n"


def splits() -> Iterator[Input]:
    """The names of splits as tables have them, and those that are none."""
    kind = "cells: splits"
    right = dict(zip(NAMES, _SIDES, strict=True))
    known: tuple[tuple[str, str, str], ...] = (
        ("train", "validation", "test"),
        ("training", "val", "testing"),
        ("TRAIN", "Valid", "Test"),
        ("train", "dev", "test"),
        (" train ", "validation\t", " test"),
    )
    for names in known:
        word = dict(zip(("train", "validation", "test"), names, strict=True))
        content = _with_column([word[side] for side in _SIDES], "split")
        yield tried(kind, "/".join(names), content, (USED,), splits=right)
    for names in (("0", "1", "2"), ("tr", "va", "te"), ("learn", "tune", "check"), ("a", "b", "c")):
        word = dict(zip(("train", "validation", "test"), names, strict=True))
        content = _with_column([word[side] for side in _SIDES], "split")
        yield tried(kind, "/".join(names), content, (REFUSED,), "is not train, validation or test")
    one = [*_SIDES[:-1], "tset"]
    left = {name: score for name, score in SOUND.items() if name != NAMES[-1]}
    found = [(NAMES[-1], "split 'tset' is not")]
    content = _with_column(one, "split")
    yield tried(kind, "one misspelt", content, (QUARANTINED,), scores=left, quarantined=found)
    tested = dict.fromkeys(NAMES[18:], "test")
    for name, values, allowed, says, wanted in (
        ("train alone", ["train"] * COUNT, (USED,), "", {}),
        ("train and test", ["train"] * 18 + ["test"] * 6, (USED,), "", tested),
        ("test alone", ["test"] * COUNT, (REFUSED,), "split has no images", {}),
        ("empty throughout", [""] * COUNT, (USED,), "", {}),
    ):  # fmt: skip
        yield tried(kind, name, _with_column(values, "split"), allowed, says, splits=wanted)
    half_empty = _with_column([*_SIDES[:-6], *[""] * 6], "split")
    yield tried(kind, "some empty", half_empty, (REFUSED,), "split '' is not|no split|split")
    for role in ("split", "group"):
        content = _with_column(list(_SIDES), "part")
        for wrong in ("prt", "Part", "part ", "image_id"):
            command = named("scores.csv", f"ingestion.columns.{role}={wrong}")
            # Capitals and blanks do not count; whether three groups make splits is open.
            meant = wrong.strip().lower() == "part"
            outcomes = (USED, REFUSED) if meant else (REFUSED,)
            says = "" if meant else f"no column '{wrong}'.*image, score, part"
            what = f"columns.{role}: {wrong!r}"
            yield tried(kind, what, content, outcomes, says, command=command)
    for role in ("image", "score"):
        command = named("scores.csv", f"ingestion.columns.{role}=imgae")
        says = "no column 'imgae'.*image, score"
        yield tried(kind, f"columns.{role}: 'imgae'", table(), (REFUSED,), says, command=command)


def groups() -> Iterator[Input]:
    """Whole groups lie on one side, whatever they are called."""
    kind = "cells: groups"
    for name, values in {
        "twelve of two": [f"g{number // 2}" for number in range(COUNT)],
        "NA and None are names": [
            ("NA", "None", "nan", "null", "-", "0")[n % 6] for n in range(COUNT)
        ],
        "numbers": [str(number // 3) for number in range(COUNT)],
        "names with blanks": [f" person {number // 2} " for number in range(COUNT)],
        "one larger than the others": ["a"] * 10 + [f"g{number}" for number in range(14)],
    }.items():
        known = dict(zip(NAMES, map(str.strip, values), strict=True))
        yield tried(kind, name, _with_column(values, "scene"), (USED,), groups=known)
    for name, values in {"one for all": ["a"] * COUNT, "two": ["a", "b"] * 12}.items():
        content = _with_column(values, "scene")
        yield tried(kind, name, content, (REFUSED,), "split has no images.*groups|groups")
    mixed = [f"g{number // 2}" if number < 12 else "" for number in range(COUNT)]
    known = {name: group for name, group in zip(NAMES, mixed, strict=True) if group}
    yield tried(kind, "empty for half of them", _with_column(mixed, "scene"), (USED,), groups=known)


# Path in the folder, name in the table → whether the name means it; a reason where it does not.
_MATCHES: Mapping[str, tuple[str, str, str]] = {
    "its path": ("deep/down/x.png", "deep/down/x.png", ""),
    "the end of its path": ("deep/down/x.png", "down/x.png", ""),
    "without its suffix": ("deep/x.png", "x", ""),
    "in capitals": ("deep/x.png", "DEEP/X.PNG", ""),
    "with backslashes": ("deep/x.png", "deep\\x.png", ""),
    "with ./ before it": ("deep/x.png", "./deep/x.png", ""),
    "with a folder above": ("deep/x.png", "archive/deep/x.png", ""),
    "with a drive": ("deep/x.png", "C:\\pictures\\deep\\x.png", ""),
    "by its address": ("deep/x.png", "https://example.org/deep/x.png", ""),
    "accents composed": ("de\u0301j\u00e0.png", "d\u00e9j\u00e0.png", ""),
    "accents apart": ("d\u00e9j\u00e0.png", unicodedata.normalize("NFD", "d\u00e9j\u00e0.png"), ""),
    "blanks around it": ("x.png", "  x.png ", ""),
    "a name with blanks": ("my best picture.png", "my best picture.png", ""),
    "a name of signs": ("x;#%&{}.png", "x;#%&{}.png", ""),
    "an emoji": ("🙂.png", "🙂.png", ""),
    "from right to left": ("تصوير.png", "تصوير.png", ""),
    "200 letters": ("x" * 200 + ".png", "x" * 200 + ".png", ""),
    "several dots": ("x.final.v2.png", "x.final.v2", ""),
    "a number with zeros": ("00012.png", "00012", ""),
    "zeros lost": ("00012.png", "12", "were leading zeros lost"),
    "a float of it": ("00012.png", "12.0", "not in the image folder"),
    "another folder": ("deep/x.png", "other/x.png", "not in the image folder"),
    "another folder that is there": ("deep/x.png", "here/x.png", "not in the image folder"),
    "another suffix": ("x.png", "x.jpg", "not in the image folder"),
    "a suffix that is not read": ("x.png", "x.raw", "from which '.raw' is not read"),
    "one letter less": ("abc.png", "ab.png", "not in the image folder"),
    "a folder": ("deep/x.png", "deep", "not in the image folder"),
    "above the folder": ("x.png", "../x.png", ""),
    "a pattern": ("x.png", "?.png", "not in the image folder"),
    "500 letters": ("x.png", "y" * 500 + ".png", "not in the image folder"),
}


def names() -> Iterator[Input]:
    """A name in the table, and the file in the folder that it means, or does not."""
    kind = "cells: names of images"

    def make(folder: Path, file: str, listed: str) -> None:
        write_images(folder)
        place = folder / "images" / file
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(picture(99))
        (folder / "images/here").mkdir()
        (folder / "images/here/p99.png").write_bytes(picture(98))
        (folder / "scores.csv").write_text(table() + f'here/p99.png,2\n"{listed}",3.125\n')

    sound = {**SOUND, "here/p99.png": 2.0}
    for name, (file, listed, reason) in _MATCHES.items():
        yield tried(
            kind,
            name,
            "",
            (QUARANTINED,) if reason else (USED,),
            make=lambda folder, file=file, listed=listed: make(folder, file, listed),
            scores=sound if reason else {**sound, file: 3.125},
            quarantined=[(listed.strip(), reason)] if reason else [],
        )
    twice = table() + f"{NAMES[2]},{SOUND[NAMES[2]]}\n"
    found = [(NAMES[2], "listed more than once")]
    yield tried(kind, "listed twice, one score", twice, (QUARANTINED,), quarantined=found)
    other = table() + f"{NAMES[2]},9\n"
    left = {name: score for name, score in SOUND.items() if name != NAMES[2]}
    found = [(NAMES[2], "different scores")] * 2
    yield tried(
        kind,
        "listed twice, two scores",
        other,
        (QUARANTINED,),
        scores=left,
        quarantined=found,
        ingestion={"max_quarantine": 0.1},
    )
    alias = table() + f"images/{NAMES[2].upper()},9\n"
    yield tried(
        kind,
        "listed twice under two names",
        alias,
        (QUARANTINED,),
        ingestion={"max_quarantine": 0.1},
        quarantined=[(f"images/{NAMES[2].upper()}", "not in the image folder")],
    )
    nameless = table() + ",3\n"
    yield tried(kind, "no name", nameless, (QUARANTINED,), quarantined=[("", "no image name")])
    shorter = {name: SOUND[name] for name in NAMES[:20]}
    says = "not in the score table: 4"
    yield tried(kind, "four images are not listed", table(shorter), (USED,), says, scores=shorter)
    strangers = {f"q{number}.jpg": 1 + number for number in range(COUNT)}
    says = rf"{COUNT} of {COUNT} rows.*not in the image folder"
    yield tried(kind, "no image is there", table(strangers), (REFUSED,), says)


FAMILIES = (scores, ranges, grades, splits, groups, names)
