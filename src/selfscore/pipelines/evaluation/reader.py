"""Nodes of evaluation: what the frozen base model makes of texts, and whether it can tell."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from selfscore.faithfulness.claims import claims_in, question_of
from selfscore.judging.consistency import sampled
from selfscore.metrics.accuracy import share
from selfscore.metrics.fidelity import told_from_another
from selfscore.metrics.shuffling import shuffled_partners
from selfscore.pipelines.evaluation.settings import EvaluationSettings
from selfscore.vlm.image_features import StoredFeatures
from selfscore.vlm.images import ImageSource
from selfscore.vlm.options import Machine
from selfscore.vlm.policy import Policy

logger = logging.getLogger(__name__)

COLUMNS = [
    *("round", "policy", "image_id", "split", "group"),
    *("affirmed", "affirmed_elsewhere", "told", "separation"),
]
# What the sizes of batches are called.
_SETTING = "evaluation.decoding.batch_size"
_CHANCE = 0.5


def calibrate_reader(
    base_policy: Policy,
    images: ImageSource,
    image_features: StoredFeatures,
    scored_images: pd.DataFrame,
    settings: EvaluationSettings,
    machine: Machine,
    seed: int,
    checkpoint: MutableMapping[str, bytes],
    predictions: pd.DataFrame,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read the base model's own texts, and find out whether it tells their pictures from others.

    Args:
        base_policy: the base model alone.
        images: pictures by path.
        image_features: what the tower makes of them, as far as it is stored.
        scored_images: the paths of the images.
        settings: of which `decoding.batch_size`, `faithfulness.reader` and intervals count.
        machine: where the model is put into memory.
        seed: of the samples, and of which other picture is asked about.
        checkpoint: what the model has read already.
        predictions: the base model's answers.

    Returns:
        What `read_texts` gives, without what was affirmed where the model cannot tell; and the
        calibration: skill, low, high (share of texts affirmed more of their own picture than of
        another one, and its interval; only where texts were read), n texts, and telling: whether
        the interval lies above chance.
    """
    # To find it out, it is asked as one that can tell.
    supposed = {"telling": True}
    read = read_texts(
        base_policy,
        images,
        image_features,
        scored_images,
        settings,
        machine,
        seed,
        checkpoint,
        supposed,
        base=predictions,
    )
    told = read["told"].dropna().astype("float64")
    of = read.loc[told.index]
    draws = settings.resampling_of_pictures(of["group"], of["image_id"], seed)
    skill = draws.interval(share, told)
    telling = bool(skill.low > _CHANCE)
    if skill.n and not telling:
        logger.info(
            "Asked whether its own texts are true, the base model affirms %.0f %% of %d more of "
            "their picture than of another (chance 50 %%): it cannot tell, and is not asked again.",
            100 * skill.value,
            skill.n,
        )
    known = {"skill": skill.value, "low": skill.low, "high": skill.high} if skill.n else {}
    believed = read if telling else read.assign(affirmed=np.nan, affirmed_elsewhere=np.nan)
    return believed, {**known, "n": skill.n, "telling": telling}


def read_texts(
    base_policy: Policy,
    images: ImageSource,
    image_features: StoredFeatures,
    scored_images: pd.DataFrame,
    settings: EvaluationSettings,
    machine: Machine,
    seed: int,
    checkpoint: MutableMapping[str, bytes],
    reader_calibration: dict[str, Any],
    **predictions: pd.DataFrame,
) -> pd.DataFrame:
    """What the frozen base model makes of the policies' texts about some images.

    Each policy's table is one of its inputs, beside nine that all share.

    Args:
        base_policy: the base model alone.
        images: pictures by path.
        image_features: what the tower makes of them, as far as it is stored.
        scored_images: the paths of the images.
        settings: of which `decoding.batch_size` and `faithfulness.reader` count.
        machine: where the model is put into memory.
        seed: of the samples, and of which other picture is asked about.
        checkpoint: what the model has read already.
        reader_calibration: of which `telling` counts: whether it is asked about truth at all.
        predictions: policy → its answers.

    Returns:
        One row a text: round, policy, image_id, split, group, affirmed (mean probability of yes to
        the text's claims about its picture), affirmed_elsewhere (the same about another picture of
        the sample, of another group where there are groups), told, see `told_from_another`, and
        separation, see `separations`.
        Without a valid text there is no row; what was not asked is missing.
    """
    from selfscore.faithfulness.separation import separations
    from selfscore.vlm.loading.elsewhere import load_for
    from selfscore.vlm.reading.features import ImageEncoder
    from selfscore.vlm.writing.yes_no import Question, yes_probabilities

    asked = settings.faithfulness.reader
    texts = _sample(pd.concat(predictions.values(), ignore_index=True), asked.pictures, seed)
    if texts.empty:
        return pd.DataFrame(columns=COLUMNS)
    texts = texts.merge(scored_images[["image_id", "path"]], on="image_id", validate="m:1")
    encoder = ImageEncoder(load_for(machine, base_policy), images, image_features)
    batch_size = settings.decoding.batch_size

    def affirmed(column: str) -> NDArray[np.float64]:
        """Mean probability of yes to each text's claims about the pictures of a column."""
        questions: list[list[Question]] = [
            [(path, question_of(claim, asked.question)) for claim in claims_in(text)]
            for path, text in zip(texts[column], texts["explanation"], strict=True)
        ]
        flat = [one for own in questions for one in own]
        chances = iter(yes_probabilities(encoder, flat, batch_size, _SETTING, checkpoint))
        told = [[next(chances) for _ in own] for own in questions]
        return np.array([np.mean(own) if own else np.nan for own in told])

    paths = scored_images.set_index("image_id")["path"]
    texts["elsewhere"] = texts["other"].map(paths)
    telling = reader_calibration["telling"] and texts["elsewhere"].notna().all()
    scale, prompts = base_policy.card.score_scale, base_policy.card.prompts
    own, elsewhere = (
        affirmed(column) if telling else np.full(len(texts), np.nan)
        for column in ("path", "elsewhere")
    )
    return texts.assign(
        affirmed=own,
        affirmed_elsewhere=elsewhere,
        told=told_from_another(own, elsewhere),
        separation=separations(
            encoder,
            texts["path"].tolist(),
            texts["emitted_level"].astype("int64").tolist(),
            texts["explanation"].tolist(),
            prompts.rating,
            scale.levels,
            batch_size,
            _SETTING,
            checkpoint,
        ),
    )[COLUMNS]


def _sample(answers: pd.DataFrame, most: int, seed: int) -> pd.DataFrame:
    """The valid texts about some images of each split, with another image of the sample for each.

    `other` is missing where a split has one image alone.
    """
    if not most:
        return answers.iloc[:0]
    tables = []
    for _, rows in answers.groupby("split", sort=False):
        own = rows[sampled(rows["image_id"].tolist(), most, seed)]
        shown = own.drop_duplicates("image_id").sort_values("image_id")
        names = shown["image_id"].to_numpy()
        others = names[shuffled_partners(shown["group"], seed)] if len(shown) > 1 else [None]
        tables.append(own.assign(other=own["image_id"].map(dict(zip(names, others, strict=True)))))
    texts = pd.concat(tables, ignore_index=True)
    return texts[texts["valid"].astype(bool)].reset_index(drop=True)
