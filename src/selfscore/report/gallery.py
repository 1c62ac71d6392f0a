"""What is looked at: images with what was said of them, and a round's consistency pairs."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from selfscore.judging.discrimination import told_apart
from selfscore.preference_data.pairs import join_sides
from selfscore.report.changes import shown_round
from selfscore.report.settings import ReportingSettings
from selfscore.vlm.images import ImageSource
from selfscore.vlm.policy import Policy

_SAID = ["valid", "emitted_level", "expected_score", "probabilities", "explanation"]
PAIR_COLUMNS = [
    "round",
    "image_id",
    "group",
    "score",
    "level",
    "rejected_text_level",
    "chosen",
    "rejected",
    "chosen_inferred",
    "rejected_inferred",
    "told_apart",
    "thumbnail",
]


def gather_gallery(
    champion: dict[str, Any],
    answers: pd.DataFrame,
    scored_images: pd.DataFrame,
    images: ImageSource,
    settings: ReportingSettings,
) -> pd.DataFrame:
    """Images of the reported split with what the base model and the champion say of them.

    Where there are more than are shown, they are spread evenly from the smallest to the largest
    error of the champion, both included.

    Args:
        champion: of which `round` counts; where it is the base model, see `measure_changes`.
        answers: predictions of the base model and of every round's policy, with their round.
        scored_images: where the images are.
        images: pictures by path.
        settings: of which `split` and `gallery` count.

    Returns:
        image_id, group, score, level, error (champion's expected score minus the true one),
        thumbnail (a `data:` address), and before_… and after_… of valid, emitted_level,
        expected_score, probabilities, explanation; the largest error first.
    """
    rows = answers[answers["split"] == settings.split]
    number = shown_round(champion, int(rows["round"].max()))
    before, after = (
        rows[rows["round"] == round_][["image_id", *_SAID]].set_index("image_id").add_prefix(prefix)
        for round_, prefix in ((0, "before_"), (number, "after_"))
    )
    facts = scored_images.set_index("image_id")[["path", "group", "score", "level"]]
    table = facts.join(before, how="inner").join(after, how="inner")
    table["error"] = table["after_expected_score"] - table["score"]
    table = table.sort_values("error", key=np.abs, ascending=False, kind="stable")
    table = table.iloc[_spread(len(table), settings.gallery.images)]
    pixels = settings.gallery.pixels
    table["thumbnail"] = [thumbnail(images[path], pixels) for path in table["path"]]
    return table.drop(columns="path").reset_index()


def gather_pairs(
    policy: Policy,
    generations: pd.DataFrame,
    readings: pd.DataFrame,
    scored_images: pd.DataFrame,
    images: ImageSource,
    settings: ReportingSettings,
    seed: int,
) -> pd.DataFrame:
    """Consistency pairs of a round, drawn at random, with what the first judge reads in them.

    They are made of the round's texts with forced levels, as the pairs that a consistency expert is
    trained on are; so they can be looked at whether or not there is such an expert.

    Args:
        policy: that wrote the texts; it comes from the round before.
        generations: the texts with forced levels.
        readings: what judges read in them.
        scored_images: true scores, groups, and where the images are.
        images: pictures by path.
        settings: of which `gallery` counts.
        seed: of the draw.

    Returns:
        round, image_id, group, score, level, rejected_text_level, chosen and rejected (the
        explanations), chosen_inferred and rejected_inferred (levels), told_apart (1, 0.5 or 0, see
        `selfscore.judging.discrimination`; these three are missing where the judge was not asked)
        and thumbnail.
    """
    table = draw_pairs(
        policy.card.iteration + 1, generations, readings, settings.gallery.pairs, seed
    )
    facts = scored_images.set_index("image_id")[["group", "score"]]
    table = table.join(facts, on="image_id")
    pixels = settings.gallery.pixels
    table["thumbnail"] = [thumbnail(images[path], pixels) for path in table["path"]]
    return table[PAIR_COLUMNS]


def draw_pairs(
    number: int, generations: pd.DataFrame, readings: pd.DataFrame, wanted: int, seed: int
) -> pd.DataFrame:
    """Consistency pairs of a round, drawn at random, with what the first judge reads in them.

    Args:
        number: of the round.
        generations: the texts with forced levels that it learnt from.
        readings: what judges read in them.
        wanted: number of pairs; all if there are fewer.
        seed: of the draw.

    Returns:
        round, image_id, path, split, level, rejected_text_level, chosen, rejected, chosen_inferred,
        rejected_inferred, told_apart; see `gather_pairs`.
    """
    pairs = join_sides(generations)
    pairs = pairs[pairs["explanation_chosen"] != pairs["explanation_rejected"]]
    pairs = pairs.sample(
        min(wanted, len(pairs)), random_state=np.random.default_rng([seed, number])
    ).reset_index(drop=True)
    table = pairs.join(_read_by_the_first(readings), on="image_id").assign(round=number)
    return table.rename(
        columns={
            "level_chosen": "level",
            "level_rejected": "rejected_text_level",
            "explanation_chosen": "chosen",
            "explanation_rejected": "rejected",
        }
    )


def thumbnail(image: Image.Image, pixels: int) -> str:
    """A small JPEG as a `data:` address.

    Args:
        image: the picture.
        pixels: its longer side becomes at most this long; smaller pictures stay as they are.
    """
    small = image.convert("RGB")
    small.thumbnail((pixels, pixels))
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=82, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"


def _spread(n: int, wanted: int) -> NDArray[np.int64]:
    """Places of `wanted` of n things, evenly spread, the first and the last included."""
    return np.unique(np.linspace(0, n - 1, min(n, wanted)).round().astype(np.int64))


def _read_by_the_first(readings: pd.DataFrame) -> pd.DataFrame:
    """What the first judge reads in each image's two texts, by image."""
    first = readings["judge"].unique()[:1]
    pair = readings[readings["judge"].isin(first) & readings["side"].isin(["chosen", "rejected"])]
    read = pair.pivot(index="image_id", columns="side", values="inferred_level")
    read = read.reindex(columns=["chosen", "rejected"]).add_suffix("_inferred")
    apart = told_apart(pair["image_id"].tolist(), pair["inferred_level"], pair["level"])
    return read.assign(told_apart=apart)
