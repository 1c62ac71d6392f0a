"""Nodes of ingestion: a folder and a table → scored images."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from selfscore.datasets import formats
from selfscore.datasets.images import ImageFolder
from selfscore.datasets.pixels import SUFFIXES
from selfscore.datasets.score_files import ScoreFiles
from selfscore.pipelines.ingestion.settings import IngestionSettings
from selfscore.scored_images import score_scale as scale
from selfscore.scored_images import score_table, splitting
from selfscore.scored_images.matching import lost_zeros, match_files
from selfscore.scored_images.verification import verify_images

logger = logging.getLogger(__name__)


def read_scores(raw_scores: ScoreFiles, settings: IngestionSettings) -> pd.DataFrame:
    """Read the scores.

    Args:
        raw_scores: The files with the scores.
        settings: what the files are.

    Returns:
        Columns path, score, split, group and reason (why the row cannot be used, "" if it can).

    Raises:
        ValueError: If the files are not of this format, or a column is missing.
    """
    chosen = _format(settings)
    rows = score_table.select_columns(chosen.read(raw_scores), chosen.columns, chosen.optional)
    rows["reason"] = score_table.reasons(rows, chosen.score_range)
    return rows.drop(columns="score_text")


def check_images(
    listed_images: pd.DataFrame, raw_images: ImageFolder, settings: IngestionSettings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Decode every listed image once.

    Args:
        listed_images: Output of `read_scores`.
        raw_images: The image folder.
        settings: of the decoding.

    Returns:
        The images that can be used (image_id, path, sha256, score, split, group), and the
        quarantine (path, reason, listed): the rows that cannot be used, and then the images in the
        folder that no row names, which alone are not listed.
    """
    fits = match_files(set(listed_images["path"]) - {""}, raw_images)
    rows = _with_files(listed_images, fits, _hints(fits, raw_images))
    rows = _verified(rows, raw_images, settings.threads)
    rows["image_id"] = [_without_suffix(path) for path in rows["path"]]
    for faults in (_same_name, splitting.content_in_better_split):
        readable = rows["reason"] == ""
        rows.loc[readable, "reason"] = faults(rows[readable])

    readable = rows["reason"] == ""
    named = {file for files in fits.values() for file in files}
    strays = [path for path in raw_images if path not in named]
    quarantine = pd.concat(
        [
            rows.loc[~readable, ["path", "reason"]].assign(listed=True),
            pd.DataFrame(
                {"path": strays, "reason": "not in the score table"}, dtype=rows["path"].dtype
            ).assign(listed=False),
        ],
        ignore_index=True,
    )
    logger.info("%d images can be used, %d are in quarantine.", readable.sum(), (~readable).sum())
    if strays:
        logger.warning(
            "Images in the folder that are not in the score table: %d. See `quarantine`.",
            len(strays),
        )
    columns = ["image_id", "path", "sha256", "score", "split", "group"]
    return rows.loc[readable, columns].reset_index(drop=True), quarantine


def draw_splits(
    readable_images: pd.DataFrame,
    quarantine: pd.DataFrame,
    settings: IngestionSettings,
    seed: int,
) -> pd.DataFrame:
    """Split the images by whole groups, or keep the table's own split.

    Here the run stops when too much is in quarantine: by now that table is stored and can be
    looked at.

    Args:
        readable_images: Output of `check_images`.
        quarantine: Output of `check_images`.
        settings: of the split.
        seed: Decides what is drawn.

    Returns:
        The images with their split, sorted by name.

    Raises:
        ValueError: If too many rows cannot be used, or a split stays empty.
    """
    unusable = quarantine[quarantine["listed"]]
    listed = len(readable_images) + len(unusable)
    score_table.check_share(unusable, listed, settings.max_quarantine)
    images = readable_images.sort_values("image_id").reset_index(drop=True)
    images["split"] = splitting.fill_splits(
        images, settings.validation_share, settings.test_share, seed
    )
    grouped = images[images["group"] != ""].groupby("group")["split"].nunique()
    if (grouped > 1).any():
        logger.warning(
            "%d groups have images in more than one split, as the score table says.",
            int((grouped > 1).sum()),
        )
    most = settings.max_images_per_split
    if most is not None:
        # Drawn by shuffling, so that a larger subset holds the smaller one.
        shuffled = images.sample(frac=1, random_state=seed)
        images = shuffled.groupby("split").head(most).sort_values("image_id")
    counts = images["split"].value_counts()
    logger.info("Images per split: %s.", ", ".join(f"{n} {name}" for name, n in counts.items()))
    return images.reset_index(drop=True)


def fit_score_scale(split_images: pd.DataFrame, settings: IngestionSettings) -> dict[str, Any]:
    """Fit the levels on the training images alone.

    Args:
        split_images: Output of `draw_splits`.
        settings: of the levels.

    Returns:
        The score scale, see `selfscore.vlm.policy.ScoreScale`.

    Raises:
        ValueError: If the training scores do not fill the levels.
    """
    training = split_images.loc[split_images["split"] == "train", "score"]
    unit = _format(settings).unit
    return scale.fit(training.to_numpy(), settings.levels, settings.method, unit)


def assign_levels(
    split_images: pd.DataFrame,
    score_scale: dict[str, Any],
    settings: IngestionSettings,
    seed: int,
) -> pd.DataFrame:
    """Give every image its level.

    Args:
        split_images: Output of `draw_splits`.
        score_scale: Output of `fit_score_scale`.
        settings: whether the training scores are shuffled.
        seed: Decides how they do.

    Returns:
        The scored images: image_id, path, sha256, split, group, score and level.
    """
    images = split_images.copy()
    if settings.shuffle_labels:
        logger.warning("Label-shuffle control: the training scores are shuffled.")
        training = images["split"] == "train"
        shuffled = np.random.default_rng(seed).permutation(images.loc[training, "score"])
        images.loc[training, "score"] = shuffled
    images["level"] = scale.place(images["score"].to_numpy(), score_scale["edges"])
    return images[["image_id", "path", "sha256", "split", "group", "score", "level"]]


def _format(settings: IngestionSettings) -> formats.Format:
    return formats.chosen(
        settings.format, vars(settings.columns), settings.unit, settings.score_range
    )


def _with_files(
    listed: pd.DataFrame, fits: Mapping[str, Sequence[str]], hints: Mapping[str, str]
) -> pd.DataFrame:
    """The rows with the paths of their files, and a reason where there is no one file."""
    rows = listed.copy()
    usable = rows["reason"] == ""
    rows.loc[usable, "reason"] = [
        _fault(path, fits[path], hints.get(path, "")) for path in rows.loc[usable, "path"]
    ]
    found = rows["reason"] == ""
    rows.loc[found, "path"] = [fits[path][0] for path in rows.loc[found, "path"]]
    rows.loc[found, "reason"] = score_table.repetitions(rows[found])
    return rows


def _verified(rows: pd.DataFrame, images: ImageFolder, threads: int) -> pd.DataFrame:
    """The rows with the sha256 of their files, and a reason where one cannot be decoded."""
    found = rows["reason"] == ""
    results = list(verify_images(images, rows.loc[found, "path"].tolist(), threads))
    rows = rows.assign(sha256="")
    rows.loc[found, "sha256"] = [sha256 for sha256, _ in results]
    rows.loc[found, "reason"] = [reason for _, reason in results]
    return rows


def _hints(fits: Mapping[str, Sequence[str]], images: Iterable[str]) -> dict[str, str]:
    """What a name without a file may have been meant to be."""
    lost = lost_zeros([name for name, files in fits.items() if not files], images)
    return {name: f", but '{file}' is: were leading zeros lost?" for name, file in lost.items()}


def _fault(name: str, files: Sequence[str], hint: str) -> str:
    """Why a listed name means no file; "" if it means one."""
    if len(files) == 1:
        return ""
    if files:
        return f"{len(files)} files in the image folder have this name: {', '.join(files[:3])}"
    suffix = PurePosixPath(name).suffix.lower()
    if suffix and suffix not in SUFFIXES:
        return f"not in the image folder, from which '{suffix}' is not read"
    return f"not in the image folder{hint}"


def _same_name(rows: pd.DataFrame) -> pd.Series:
    twins = rows.duplicated("image_id", keep=False)
    return twins.map({True: "another image has the same name apart from its suffix", False: ""})


def _without_suffix(path: str) -> str:
    return str(PurePosixPath(path).with_suffix("")) if path else ""
