"""A study in miniature, and raters whose behaviour is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from selfscore.study.items import CHECK, GUESS, OWN, draw_items, study_id
from selfscore.study.settings import Assumed, StudySettings

BEST = 9
# What a model could say to take over a page.
HOSTILE = "</script><img src=x onerror='document.title=1'>"


def settings(**other: Any) -> StudySettings:
    given: dict[str, Any] = {
        "split": "test",
        "raters": 12,
        "guess_pictures": 24,
        "check_pictures": 24,
        "tolerance": 1,
        "pixels": 32,
        "label_studio": True,
        "assumed": Assumed(0.15, 0.1, 0.15, 0.5),
        "power": 0.8,
        "confidence": 0.95,
    }
    return StudySettings(**(given | other))


def predictions(n: int = 60) -> pd.DataFrame:
    levels = np.arange(n) % (BEST + 1)
    return pd.DataFrame(
        {
            "image_id": [f"test_{place}" for place in range(n)],
            "split": "test",
            "group": [f"scene {place // 2}" for place in range(n)],
            "valid": np.arange(n) != 3,
            "emitted_level": pd.array(levels, dtype="Int64"),
            "explanation": [
                f"{HOSTILE} Score {level}: own text of test_{place}."
                for place, level in enumerate(levels)
            ],
        }
    )


def generations(n: int = 60) -> pd.DataFrame:
    rows = []
    for place in range(n):
        right, wrong = place % 5, 5 + place % 5
        for side, level in (("chosen", right), ("rejected", wrong)):
            text = f"Text of train_{place}, {side}."
            rows.append([f"train_{place}", f"train_{place}.png", "train", side, level, True, text])
    columns = ["image_id", "path", "split", "side", "level", "accepted", "explanation"]
    return pd.DataFrame(rows, columns=columns)


def scored_images(n: int = 60) -> pd.DataFrame:
    names = [f"{split}_{place}" for split in ("test", "train") for place in range(n)]
    groups = [f"scene {place // 2}" for place in range(n)] * 2
    paths = [f"{name}.png" for name in names]
    return pd.DataFrame({"image_id": names, "path": paths, "group": groups})


def items(chosen: StudySettings | None = None) -> pd.DataFrame:
    return draw_items(predictions(), generations(), scored_images(), chosen or settings(), 0)


@dataclass(frozen=True)
class Raters:
    """How raters behave.

    Attributes:
        seen: chance of a right guess from the picture alone, and with another picture's text.
        told: how much the own text adds to it.
        found: chance to reject a planted level; as likely is it to accept a right one.
        persuaded: how much less likely a planted level is rejected with a text, of either kind.
        slower: how many times as long a decision with the own text takes.
        spread: standard deviation of the first and third over raters and over pictures.
    """

    seen: float = 0.4
    told: float = 0.0
    found: float = 0.6
    persuaded: float = 0.0
    slower: float = 1.0
    spread: float = 0.1

    def answer(self, shown: pd.DataFrame, seed: int) -> dict[str, dict[str, Any]]:
        """The files of all seats."""
        random = np.random.default_rng(seed)
        able = {seat: self.spread * random.normal() for seat in shown["seat"].unique()}
        easy = {item: self.spread * random.normal() for item in shown["item"].unique()}
        study, files = study_id(shown), {}
        for seat, rows in shown.groupby("seat"):
            said = [
                self._say(row, able[seat] + easy[row["item"]], random)
                for row in rows.to_dict("records")
            ]
            name = f"rater-{seat}"
            record = {"study": study, "rater": name, "seat": seat, "answers": said}
            files[f"{study}/{name}"] = record
        return files

    def _say(
        self, row: dict[Any, Any], shift: float, random: np.random.Generator
    ) -> dict[str, Any]:
        seconds = float(np.exp(random.normal(2, 0.5)))
        own = row["arm"] == OWN
        if row["task"] == GUESS:
            chances = (self.seen + shift, self.seen + shift + self.told * own)
            before, after = (
                row["level"] if random.random() < chance else (row["level"] + 5) % (BEST + 1)
                for chance in chances
            )
            times = {"seconds_before": seconds, "seconds": seconds}
            return {"item": row["item"], "before": before, "after": after, **times}
        chance = self.found + shift
        if row["planted"]:
            chance -= self.persuaded * (row["arm"] != "none")
        right = random.random() < chance
        taken = seconds * (self.slower if own else 1)
        accepted = bool(right != row["planted"])
        return {"item": row["item"], "accepted": accepted, "seconds": taken}


def checks(shown: pd.DataFrame) -> pd.DataFrame:
    return shown[shown["task"] == CHECK]
