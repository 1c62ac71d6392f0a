"""Images and a table that inputs change in one place, and what ingestion must make of them."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from benchmarks.hostile.inputs import QUARANTINED, USED, Found, Input

COUNT = 24
NAMES = tuple(f"p{number:02d}.png" for number in range(COUNT))
# All different, in no order, exact in binary.
SCORES = tuple(1 + (7 * number % COUNT) / 4 for number in range(COUNT))
SOUND: Mapping[str, float] = dict(zip(NAMES, SCORES, strict=True))
LEVELS = 4
COMMAND = (
    "run",
    "--pipelines=ingestion",
    "--params=images.folder={folder}/images,images.scores={folder}/scores.csv",
)


@cache
def picture(number: int, kind: str = "PNG", size: tuple[int, int] = (8, 6)) -> bytes:
    """An image file whose pixels no other number has."""
    random = np.random.default_rng(number)
    pixels = random.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def write_images(folder: Path) -> None:
    """Write the sound images."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(NAMES):
        (folder / "images" / name).write_bytes(picture(number))


def table(scores: Mapping[str, object] = SOUND, header: str = "image,score") -> str:
    """A table of comma-separated values."""
    return "\n".join([header, *(f"{name},{score}" for name, score in scores.items())]) + "\n"


def written(content: str | bytes, name: str = "scores.csv") -> Callable[[Path], None]:
    """Makes the sound images and a table."""

    def make(folder: Path) -> None:
        write_images(folder)
        place = folder / name
        if isinstance(content, str):
            place.write_text(content, encoding="utf-8", newline="")
        else:
            place.write_bytes(content)

    return make


def named(file: str, *more: str) -> tuple[str, ...]:
    """The command for a table of another name, with further parameters."""
    places = f"images.folder={{folder}}/images,images.scores={{folder}}/{file}"
    return (*COMMAND[:2], "--params=" + ",".join([places, *more]))


@dataclass(frozen=True)
class Ingested:
    """Which images must be used, and which rows must be in quarantine.

    Attributes:
        scores: of the images that must be used, by their path.
        quarantined: path and reason (a regular expression) of each row that cannot be used.
        levels: how many there must be; None: as the scale says.
        groups: group of an image; each must lie in one split.
        splits: split of an image, where the table says it.
    """

    scores: Mapping[str, float] = field(default_factory=lambda: SOUND)
    quarantined: Sequence[tuple[str, str]] = ()
    levels: int | None = LEVELS
    groups: Mapping[str, str] = field(default_factory=dict)
    splits: Mapping[str, str] = field(default_factory=dict)

    def compare(self, folder: Path, screen: str) -> Found:
        """Compare with the tables that ingestion has made."""
        data = folder / "data"
        images = pd.read_parquet(_newest(data / "03_primary/scored_images.parquet"))
        scale = pd.read_json(_newest(data / "03_primary/score_scale.json"), typ="series")
        quarantine = pd.read_parquet(data / "02_intermediate/quarantine.parquet")
        unusable = quarantine[quarantine["listed"]]
        found = [
            *self._of_scores(dict(zip(images["path"], images["score"], strict=True))),
            *self._of_quarantine(list(zip(unusable["path"], unusable["reason"], strict=True))),
            *self._of_splits(images),
            *of_scale(images, dict(scale), self.levels),
        ]
        return Found(QUARANTINED if len(unusable) else USED, found)

    def _of_scores(self, used: Mapping[str, float]) -> list[str]:
        missing = sorted(self.scores.keys() - used.keys())
        extra = sorted(used.keys() - self.scores.keys())
        other = [
            f"'{name}' has the score {used[name]!r}, not {score!r}"
            for name, score in self.scores.items()
            if name in used and not np.isclose(used[name], score, rtol=1e-12, atol=0)
        ]
        return [
            *(f"'{name}' is not used" for name in missing),
            *(f"'{name}' is used" for name in extra),
            *other,
        ]

    def _of_quarantine(self, rows: list[tuple[str, str]]) -> list[str]:
        left = list(rows)
        found = []
        for path, reason in self.quarantined:
            fit = [row for row in left if row[0] == path and re.search(reason, row[1])]
            if fit:
                left.remove(fit[0])
            else:
                found.append(f"'{path}' is not in quarantine for /{reason}/")
        return [*found, *(f"'{path}' is in quarantine: {reason}" for path, reason in left)]

    def _of_splits(self, images: pd.DataFrame) -> list[str]:
        split = dict(zip(images["path"], images["split"], strict=True))
        found = [
            f"'{name}' is in {split[name]}, not {wanted}"
            for name, wanted in self.splits.items()
            if split.get(name) != wanted
        ]
        sides: dict[str, set[str]] = {}
        for name, group in self.groups.items():
            sides.setdefault(group, set()).add(split.get(name, "none"))
        torn = [group for group, several in sides.items() if len(several) > 1]
        return [*found, *(f"the group '{group}' is in several splits" for group in torn)]


def of_scale(images: pd.DataFrame, scale: Mapping[str, Any], levels: int | None) -> list[str]:
    """What is wrong with levels: each must hold training images and stand for their mean score."""
    train = images[images["split"] == "train"]
    means = train.groupby("level")["score"].mean()
    found = []
    if levels is not None and scale["levels"] != levels:
        found.append(f"there are {scale['levels']} levels, not {levels}")
    if len(scale["values"]) != scale["levels"] or len(scale["edges"]) != scale["levels"] - 1:
        found.append("levels, values and edges of the scale are not of one number")
    empty = sorted(set(range(int(scale["levels"]))) - set(means.index))
    found += [f"no training image has the level {level}" for level in empty]
    found += [
        f"level {level} stands for {scale['values'][level]}, and its images have {mean}"
        for level, mean in means.items()
        if not np.isclose(scale["values"][level], mean)
    ]
    ordered = images.sort_values("score")["level"]
    if not ordered.is_monotonic_increasing:
        found.append("a better score has a worse level")
    return found


def tried(
    kind: str,
    name: str,
    content: str | bytes,
    allowed: tuple[str, ...],
    says: str = "",
    **options: Any,
) -> Input:
    """An input that is a table beside the sound images."""
    file = options.pop("file", "scores.csv")
    parameters = {"ingestion": {"levels": LEVELS} | options.pop("ingestion", {})}
    return Input(
        name,
        kind,
        options.pop("make", None) or written(content, file),
        options.pop("command", None) or named(file),
        allowed,
        says,
        options.pop("expected", None) or Ingested(**options),
        parameters,
    )


def _newest(place: Path) -> Path:
    return max(place.iterdir()) / place.name
