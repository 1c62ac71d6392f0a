"""New images given to `kedro score`: one odd file beside two sound ones with the same pixels."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.hostile.images import content_of
from benchmarks.hostile.ingestion import picture
from benchmarks.hostile.inputs import QUARANTINED, REFUSED, USED, Found, Input

_POLICY = "--policy={folder}/data/06_models/policy_1"
_NO_IMAGE = "cannot be read as an image|damaged or cut off"
_READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    "json": pd.read_json,
    "jsonl": lambda file: pd.read_json(file, lines=True),
    "csv": pd.read_csv,
    "tsv": lambda file: pd.read_csv(file, sep="\t"),
    "parquet": pd.read_parquet,
    "xlsx": pd.read_excel,
}


@dataclass(frozen=True)
class Scored:
    """What must stand in the file of results.

    Attributes:
        file: its name.
        error: of the odd image (a regular expression); "" if it must have a score, None if there
            is none.
        name: of the odd image.
    """

    file: str = "out.json"
    error: str | None = None
    name: str = ""

    def compare(self, folder: Path, screen: str) -> Found:
        """Compare: one row an image, the same score for the same pixels, a reason for the odd."""
        table = _READERS[self.file.partition(".")[2]](folder / self.file)
        rows = {str(row["image"]): row for _, row in table.iterrows()}
        names = {f"{folder}/new/a.png", f"{folder}/new/b.bmp"}
        odd = f"{folder}/new/{self.name}"
        found = []
        if rows.keys() != names | ({odd} if self.error is not None else set()):
            return Found(USED, [f"there are rows for {sorted(rows)}"])
        sound = [rows[name] for name in sorted(names)]
        if not np.isclose(sound[0]["score"], sound[1]["score"], atol=1e-6):
            found.append("the same pixels have two scores")
        scored = [*sound, rows[odd]] if self.error == "" else sound
        for row in scored:
            if not row["lowest_score"] <= row["score"] <= row["highest_score"]:
                found.append(f"'{row['image']}' has the score {row['score']}")
        if self.error and not (
            pd.isna(rows[odd]["score"])
            and pd.Series([str(rows[odd]["error"])]).str.contains(self.error).all()
        ):
            found.append(f"the odd image has {rows[odd]['score']}, {rows[odd]['error']}")
        return Found(QUARANTINED if self.error else USED, found)


def _beside_sound(put: Callable[[Path], None] | None, name: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        (folder / "new").mkdir()
        (folder / "new/a.png").write_bytes(picture(1, "PNG", (32, 24)))
        (folder / "new/b.bmp").write_bytes(picture(1, "BMP", (32, 24)))
        if put is not None:
            put(folder / "new" / name)

    return make


def files() -> Iterator[Input]:
    """An odd file in the folder."""
    whole = picture(7, "PNG", (32, 24))
    for what, name, put, error in (
        ("whole", "x.png", content_of(whole), ""),
        ("empty", "x.png", content_of(b""), "the file is empty"),
        ("half", "x.png", content_of(whole[: len(whole) // 2]), _NO_IMAGE),
        ("a web page", "x.jpg", content_of(b"<html>404</html>"), _NO_IMAGE),
        ("a pipe", "x.png", os.mkfifo, "a pipe or a device"),
        ("a link to /dev/zero", "x.png", lambda at: at.symlink_to("/dev/zero"), "a pipe or"),
        ("a link to nothing", "x.png", lambda at: at.symlink_to("nowhere"), "cannot be opened"),
        ("1 × 1 pixels", "x.png", content_of(picture(7, "PNG", (1, 1))), ""),
        ("4000 × 1 pixels", "x.png", content_of(picture(7, "PNG", (4000, 1))), ""),
        ("1000 × 3 pixels", "x.png", content_of(picture(7, "PNG", (1000, 3))), ""),
        ("a line break in its name", "x\ny.png", content_of(whole), ""),
        ("a formula for a name", "=1+1.png", content_of(whole), ""),
        ("a dash first", "--help.png", content_of(whole), ""),
    ):
        command = ("score", _POLICY, "--no-explain", "--output={folder}/out.json", "{folder}/new")
        yield Input(
            what,
            "images: scored",
            _beside_sound(put, name),
            command,
            (QUARANTINED,) if error else (USED,),
            "1 of 3 images could not be scored" if error else "",
            Scored(error=error, name=name),
            grounded=True,
            code=1 if error else 0,
        )


def outputs() -> Iterator[Input]:
    """Files to write into, of every kind and of none; places that are not there."""
    kind = "images: results of scoring"
    make = _beside_sound(None, "")
    for suffix in _READERS:
        file = f"out.{suffix}"
        command = ("score", _POLICY, "--no-explain", f"--output={{folder}}/{file}", "{folder}/new")
        yield Input(file, kind, make, command, (USED,), "", Scored(file), grounded=True)
    start = ("score", _POLICY, "--no-explain")
    for name, says, more in (
        ("out.doc", "does not say its format", ("--output={folder}/out.doc", "{folder}/new")),
        ("no suffix", "does not say its format", ("--output={folder}/out", "{folder}/new")),
        ("a folder", "directory", ("--output={folder}/new", "{folder}/new")),
        ("a folder that is not there", "does not exist", ("--output=no/o.csv", "{folder}/new")),
        ("two formats", "by its name", ("--output=o.csv", "--format=json", "{folder}/new")),
        ("parquet on the screen", "no text", ("--format=parquet", "{folder}/new")),
        ("an image that is not there", "no image at", ("{folder}/nowhere.png",)),
        ("a pattern that fits nothing", "no image at", ("{folder}/new/*.webp",)),
        ("no image", "Missing argument", ()),
        ("batches of none", "batch-size", ("--batch-size=0", "{folder}/new")),
    ):  # fmt: skip
        yield Input(name, kind, make, (*start, *more), (REFUSED,), says, grounded=True)


FAMILIES = (files, outputs)
