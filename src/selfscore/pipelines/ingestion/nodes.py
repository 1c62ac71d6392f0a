"""Nodes of ingestion: a folder and a table → scored images."""

from __future__ import annotations

import hashlib
import logging
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from selfscore.pipelines.ingestion import score_scale as scale
from selfscore.pipelines.ingestion import score_table, splitting

if TYPE_CHECKING:
    from selfscore.datasets.images import ImageFolder

logger = logging.getLogger(__name__)


def read_scores(raw_scores: pd.DataFrame, parameters: dict[str, Any]) -> pd.DataFrame:
    """Read the score table.

    Args:
        raw_scores: The table as it is stored, all cells text.
        parameters: columns and max_quarantine.

    Returns:
        Columns path, score, split, group and reason (why the row cannot be used, "" if it can).

    Raises:
        ValueError: If a column is missing or too many rows cannot be used.
    """
    rows = score_table.select_columns(raw_scores, parameters["columns"])
    rows["reason"] = score_table.reasons(rows)
    score_table.check_share(rows, parameters["max_quarantine"])
    return rows.drop(columns="score_text")


def check_images(
    listed_images: pd.DataFrame, raw_images: ImageFolder, parameters: dict[str, Any]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Decode every listed image once.

    Args:
        listed_images: Output of `read_scores`.
        raw_images: The image folder.
        parameters: max_quarantine.

    Returns:
        The images that can be used (image_id, path, sha256, score, split, group), and the
        quarantine (path, reason).

    Raises:
        ValueError: If too many rows cannot be used.
    """
    from tqdm import tqdm

    rows = listed_images.copy()
    in_folder = _find(rows["path"], raw_images)
    rows["sha256"] = ""
    usable = rows.index[rows["reason"] == ""]
    for row in tqdm(usable, desc="Checking images", unit="image"):
        path = in_folder.get(str(rows.at[row, "path"]))
        if path is None:
            rows.at[row, "reason"] = "not in the image folder"
            continue
        rows.at[row, "path"] = path
        try:
            raw_images[path]
        except ValueError:
            rows.at[row, "reason"] = "cannot be read as an image"
            continue
        rows.at[row, "sha256"] = hashlib.sha256(raw_images.read_bytes(path)).hexdigest()
    rows["image_id"] = [_without_suffix(path) for path in rows["path"]]
    twins = (rows["reason"] == "") & rows[rows["reason"] == ""].duplicated("image_id", keep=False)
    rows.loc[twins, "reason"] = "another image has the same name apart from its suffix"
    score_table.check_share(rows, parameters["max_quarantine"])

    readable = rows[rows["reason"] == ""]
    quarantine = rows.loc[rows["reason"] != "", ["path", "reason"]]
    logger.info("%d images can be used, %d are in quarantine.", len(readable), len(quarantine))
    columns = ["image_id", "path", "sha256", "score", "split", "group"]
    return readable[columns].reset_index(drop=True), quarantine.reset_index(drop=True)


def draw_splits(
    readable_images: pd.DataFrame, parameters: dict[str, Any], seed: int
) -> pd.DataFrame:
    """Split the images by whole groups, or keep the table's own split.

    Args:
        readable_images: Output of `check_images`.
        parameters: validation_share, test_share, and max_images_per_split (null: all).
        seed: Decides what is drawn.

    Returns:
        The images with their split, sorted by name.

    Raises:
        ValueError: If a split stays empty.
    """
    images = readable_images.sort_values("image_id").reset_index(drop=True)
    images["split"] = splitting.fill_splits(
        images, parameters["validation_share"], parameters["test_share"], seed
    )
    grouped = images[images["group"] != ""].groupby("group")["split"].nunique()
    if (grouped > 1).any():
        logger.warning(
            "%d groups have images in more than one split, as the score table says.",
            int((grouped > 1).sum()),
        )
    most = parameters["max_images_per_split"]
    if most is not None:
        # Drawn by shuffling, so that a larger subset holds the smaller one.
        shuffled = images.sample(frac=1, random_state=seed)
        images = shuffled.groupby("split").head(most).sort_values("image_id")
    counts = images["split"].value_counts()
    logger.info("Images per split: %s.", ", ".join(f"{n} {name}" for name, n in counts.items()))
    return images.reset_index(drop=True)


def fit_score_scale(split_images: pd.DataFrame, parameters: dict[str, Any]) -> dict[str, Any]:
    """Fit the levels on the training images alone.

    Args:
        split_images: Output of `draw_splits`.
        parameters: levels, method and unit.

    Returns:
        The score scale, see `selfscore.pipelines.ingestion.score_scale.fit`.

    Raises:
        ValueError: If the training scores do not fill the levels.
    """
    training = split_images.loc[split_images["split"] == "train", "score"]
    return scale.fit(
        training.to_numpy(), parameters["levels"], parameters["method"], parameters["unit"]
    )


def assign_levels(
    split_images: pd.DataFrame,
    score_scale: dict[str, Any],
    parameters: dict[str, Any],
    seed: int,
) -> pd.DataFrame:
    """Give every image its level.

    Args:
        split_images: Output of `draw_splits`.
        score_scale: Output of `fit_score_scale`.
        parameters: shuffle_labels: the control in which the training scores change places.
        seed: Decides how they do.

    Returns:
        The scored images: image_id, path, sha256, split, group, score and level.
    """
    images = split_images.copy()
    if parameters["shuffle_labels"]:
        logger.warning("Label-shuffle control: the training scores are shuffled.")
        training = images["split"] == "train"
        shuffled = np.random.default_rng(seed).permutation(images.loc[training, "score"])
        images.loc[training, "score"] = shuffled
    images["level"] = scale.place(images["score"].to_numpy(), score_scale["edges"])
    return images[["image_id", "path", "sha256", "split", "group", "score", "level"]]


def _find(paths: pd.Series, images: ImageFolder) -> dict[str, str]:
    """Listed name → path in the folder; a name may lack the suffix when only one file fits."""
    by_stem: dict[str, list[str]] = {}
    for path in images:
        by_stem.setdefault(_without_suffix(path), []).append(path)
    found = {}
    for name in paths:
        if name in images:
            found[name] = name
        elif len(by_stem.get(name, [])) == 1:
            found[name] = by_stem[name][0]
    return found


def _without_suffix(path: str) -> str:
    return str(PurePosixPath(path).with_suffix("")) if path else ""
