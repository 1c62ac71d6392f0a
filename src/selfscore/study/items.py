"""What each rater is shown, and in which order: balanced over raters and pictures.

Two tasks. *Guess*: which level did the model give this picture? Asked of the picture alone, then
again with a text. *Check*: is this level right? Asked once, with or without a text; half of the
levels are planted errors, that is, wrong levels that the model was told to explain.

A text is the picture's `own`, or as a control that of an `other` picture, of another group: of any
in the first task, where only the own one can tell the model's level; for the same level in the
second, where it is as persuasive, and not about the picture. `none` is no text.

Every rater sees every picture once. The ways to show a picture are handed round the seats like the
rows of a Latin square, so each picture is shown in each way to equally many raters, and each rater
sees equally many pictures in each way.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd

from selfscore.judging.judge import without_score_words
from selfscore.metrics.grouping import units
from selfscore.metrics.shuffling import shuffled_partners
from selfscore.preference_data.pairs import join_sides
from selfscore.study.settings import CHECK_WAYS, GUESS_WAYS, StudySettings

GUESS, CHECK = "guess", "check"
OWN, OTHER, NONE = "own", "other", "none"
# The six ways of the second task: (text, whether the level is planted).
_CHECKS = [(text, planted) for text in (NONE, OWN, OTHER) for planted in (False, True)]
ITEM_COLUMNS = [
    "seat",
    "order",
    "item",
    "task",
    "image_id",
    "path",
    "arm",
    "planted",
    "level",
    "text",
]


def draw_items(
    predictions: pd.DataFrame,
    generations: pd.DataFrame,
    scored_images: pd.DataFrame,
    settings: StudySettings,
    seed: int,
) -> pd.DataFrame:
    """All that is shown to all raters.

    Args:
        predictions: what the model says of held-out pictures, for the first task.
        generations: texts with forced levels of training pictures, for the second.
        scored_images: where the pictures are, and their groups.
        settings: how many raters and pictures there are.
        seed: of pictures, controls and order.

    Returns:
        One row a seat and picture: `ITEM_COLUMNS`. seat counts from 1; order is the rater's; item
        names the picture within its task; level is the model's in the first task (what is to be
        guessed) and the one that is shown in the second; text is as judges read it, "" for none.

    Raises:
        ValueError: there are too few pictures.
    """
    generator = np.random.default_rng(seed)
    guesses = _guesses(predictions, scored_images, settings, generator)
    checks = _checks(generations, scored_images, settings, generator)
    seats = [
        _shuffled(_shown(table, ways, seat), generator)
        for seat in range(settings.raters)
        for table, ways in ((guesses, GUESS_WAYS), (checks, CHECK_WAYS))
    ]
    items = pd.concat(seats, ignore_index=True)
    items["order"] = items.groupby("seat").cumcount()
    items["text"] = items["text"].map(without_score_words)
    return items[ITEM_COLUMNS]


def study_id(items: pd.DataFrame) -> str:
    """A digest of what is shown: answers belong to it."""
    return hashlib.sha256(items.to_csv(index=False).encode()).hexdigest()[:12]


def _guesses(
    predictions: pd.DataFrame,
    scored_images: pd.DataFrame,
    settings: StudySettings,
    generator: np.random.Generator,
) -> pd.DataFrame:
    """One row a picture and way of the first task."""
    found = predictions[predictions["valid"] & (predictions["split"] == settings.split)]
    found = found.merge(scored_images[["image_id", "path"]], on="image_id")
    rows = _drawn(found, settings.guess_pictures, GUESS_WAYS, GUESS, generator)
    partners = shuffled_partners(rows["group"], int(generator.integers(2**31)))
    facts = rows[["image_id", "path"]].assign(
        item=_names(GUESS, rows), level=rows["emitted_level"].astype(int), planted=False, task=GUESS
    )
    texts = {OWN: rows["explanation"], OTHER: rows["explanation"].iloc[partners]}
    return _stacked([facts.assign(arm=arm, text=text.to_numpy()) for arm, text in texts.items()])


def _checks(
    generations: pd.DataFrame,
    scored_images: pd.DataFrame,
    settings: StudySettings,
    generator: np.random.Generator,
) -> pd.DataFrame:
    """One row a picture and way of the second task."""
    both = join_sides(generations)
    rows = _drawn(both, settings.check_pictures, CHECK_WAYS, CHECK, generator)
    pool = generations[generations["accepted"]]
    scene = _scenes(scored_images)
    pool = pool.assign(scene=pool["image_id"].map(scene))
    ways = []
    for arm, planted in _CHECKS:
        side = "rejected" if planted else "chosen"
        level = rows[f"level_{side}"].astype(int)
        if arm == NONE:
            text = pd.Series("", index=rows.index)
        elif arm == OWN:
            text = rows[f"explanation_{side}"]
        else:
            text = pd.Series(
                [
                    _elsewhere(pool, one, int(asked), generator)
                    for one, asked in zip(rows["image_id"].map(scene), level, strict=True)
                ],
                index=rows.index,
            )
        facts = rows[["image_id", "path"]].assign(item=_names(CHECK, rows), task=CHECK)
        ways.append(facts.assign(level=level, planted=planted, arm=arm, text=text))
    return _stacked(ways)


def _scenes(scored_images: pd.DataFrame) -> pd.Series:
    """What each picture shows, by its id: pictures of one group resemble each other."""
    table = scored_images.set_index("image_id")
    scenes = units(table["group"])
    return table.index.to_series() if scenes is None else scenes


def _elsewhere(pool: pd.DataFrame, scene: str, level: int, generator: np.random.Generator) -> str:
    """The text of a picture of something else for this level, or for the nearest that has any."""
    others = pool[pool["scene"] != scene]
    if others.empty:
        raise ValueError(
            "All training pictures with usable texts are of one group, so there is none of another "
            "whose text could be the control. Take more groups, or none."
        )
    distance = (others["level"] - level).abs()
    fitting = others.loc[distance == distance.min(), "explanation"]
    return str(fitting.iloc[generator.integers(len(fitting))])


def _drawn(
    rows: pd.DataFrame, wanted: int, ways: int, task: str, generator: np.random.Generator
) -> pd.DataFrame:
    """Pictures at random; a multiple of the ways to show them."""
    n = min(wanted, len(rows)) // ways * ways
    if n == 0:
        raise ValueError(
            f"The task '{task}' of the study needs at least {ways} pictures with usable texts, and "
            f"there are {len(rows)}: `study.split` may name a split with more, or let a better "
            "policy write them."
        )
    return rows.iloc[generator.permutation(len(rows))[:n]].reset_index(drop=True)


def _names(task: str, rows: pd.DataFrame) -> list[str]:
    return [f"{task}-{place + 1}" for place in range(len(rows))]


def _stacked(ways: list[pd.DataFrame]) -> pd.DataFrame:
    tables = [table.assign(way=way, place=range(len(table))) for way, table in enumerate(ways)]
    return pd.concat(tables, ignore_index=True)


def _shown(table: pd.DataFrame, ways: int, seat: int) -> pd.DataFrame:
    """Every picture in the way that is the seat's turn."""
    rows = table[table["way"] == (table["place"] + seat) % ways]
    return rows.assign(seat=seat + 1)


def _shuffled(rows: pd.DataFrame, generator: np.random.Generator) -> pd.DataFrame:
    return rows.iloc[generator.permutation(len(rows))]
