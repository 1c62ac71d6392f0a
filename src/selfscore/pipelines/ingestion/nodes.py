"""Nodes of ingestion: a folder and a table → scored images."""

from __future__ import annotations

import logging
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from selfscore.configuration.layout import LEVEL, of_pairs, per_expert
from selfscore.configuration.splits import SEEN, check_evaluated, in_order
from selfscore.datasets import formats
from selfscore.datasets.formats.columns import used_columns
from selfscore.datasets.images import ImageFolder
from selfscore.datasets.pixels import SUFFIXES
from selfscore.datasets.score_files import ScoreFiles
from selfscore.level_training.settings import LevelSettings
from selfscore.pipelines.ingestion.settings import IngestionSettings
from selfscore.preference_data.builders import pair_builder
from selfscore.preference_optimization.settings import DPOSettings
from selfscore.scored_images import score_scale as scale
from selfscore.scored_images import score_table, sound_splits, splitting
from selfscore.scored_images.data_check import Source, data_check
from selfscore.scored_images.matching import lost_zeros, match_files
from selfscore.scored_images.outliers import outliers
from selfscore.scored_images.sound_splits import Drawing
from selfscore.scored_images.verification import verify_images

logger = logging.getLogger(__name__)


def read_scores(
    raw_scores: ScoreFiles, settings: IngestionSettings
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read the scores, and say in one line what was recognised.

    Args:
        raw_scores: The files with the scores.
        settings: what the files are.

    Returns:
        Columns path, score, split, group, spread and reason (why the row cannot be used, "" if it
        can); and the fields of `data_check.Source`.

    Raises:
        ValueError: If the files are not of this format, or a column is missing.
    """
    chosen = formats.chosen(
        settings.format,
        vars(settings.columns),
        settings.unit,
        settings.score_range,
        settings.comparisons,
    )
    table = chosen.read(raw_scores)
    columns = used_columns(list(table.rows.columns), chosen.columns, chosen.usual)
    rows = score_table.select_columns(table.rows, columns)
    rows["reason"] = score_table.reasons(rows, chosen.score_range)
    source = Source(
        recognised=list(table.recognised) or [f"{settings.format}: {len(rows)} rows"],
        columns=columns,
        unit=chosen.unit or raw_scores.unit or columns["score"],
        takes_groups="group" in chosen.usual,
    )
    # Of the rows that can be used: a word that means no split is none that is given.
    usable = set(rows.loc[rows["reason"] == "", "split"])
    given = [split for split in in_order(usable) if split in usable]
    logger.info(
        "%s; %s; %s.",
        source,
        f"splits given: {', '.join(given)}" if given else "the split is drawn",
        f"{rows['group'].replace('', pd.NA).nunique()} groups"
        if "group" in columns
        else "no groups",
    )
    _warn_of_outliers(rows.loc[rows["reason"] == "", "score"])
    if "spread" in columns and rows["spread"].isna().any():
        logger.warning(
            "The spread of the raters is not known for %d of %d rows: what the column '%s' says of "
            "them is no number from 0 up.",
            rows["spread"].isna().sum(),
            len(rows),
            columns["spread"],
        )
    return rows.drop(columns="score_text"), asdict(source)


def check_images(
    listed_images: pd.DataFrame, raw_images: ImageFolder, settings: IngestionSettings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Decode every listed image once.

    Args:
        listed_images: Rows that `read_scores` gives.
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
    columns = ["image_id", "path", "sha256", "score", "split", "group", "spread"]
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
        ValueError: If too many rows cannot be used, or nothing could be learnt from the splits.
    """
    unusable = quarantine[quarantine["listed"]]
    listed = len(readable_images) + len(unusable)
    score_table.check_share(unusable, listed, settings.max_quarantine)
    images = readable_images.sort_values("image_id").reset_index(drop=True)
    shares = settings.validation_share, settings.test_share
    images = sound_splits.split(images, Drawing(*shares, settings.max_images_per_split, seed))
    grouped = images[images["group"] != ""].groupby("group")["split"].nunique()
    if (grouped > 1).any():
        logger.warning(
            "%d groups have images in more than one split, as the score table says.",
            int((grouped > 1).sum()),
        )
    counts = images["split"].value_counts()
    logger.info("Images per split: %s.", ", ".join(f"{n} {name}" for name, n in counts.items()))
    return images.reset_index(drop=True)


def fit_score_scale(
    split_images: pd.DataFrame, score_source: dict[str, Any], settings: IngestionSettings
) -> dict[str, Any]:
    """Fit the levels on the training images alone.

    Args:
        split_images: Output of `draw_splits`.
        score_source: What `read_scores` knows of the scores; of it the unit.
        settings: of the levels.

    Returns:
        The score scale, see `selfscore.vlm.policy.ScoreScale`.

    Raises:
        ValueError: If the training scores make no two levels.
    """
    training = split_images.loc[split_images["split"] == "train", "score"]
    unit = Source(**score_source).unit
    return scale.fit(training.to_numpy(), settings.levels, settings.method, unit)


def check_data(
    split_images: pd.DataFrame,
    readable_images: pd.DataFrame,
    quarantine: pd.DataFrame,
    score_scale: dict[str, Any],
    score_source: dict[str, Any],
    dpo_training: dict[str, Any],
    level_training: LevelSettings,
    experts: list[str],
    evaluated: list[str],
) -> pd.DataFrame:
    """Say what there is to learn from, and what this many images can and cannot show.

    Args:
        split_images: Output of `draw_splits`.
        readable_images: Output of `check_images`; so is the next.
        quarantine: The rest.
        score_scale: Output of `fit_score_scale`.
        score_source: What `read_scores` knows of the scores.
        dpo_training: settings of the training that experts share, and of each of them.
        level_training: settings of the expert `level`.
        experts: what a round trains.
        evaluated: the splits that policies are evaluated on.

    Returns:
        Columns what, value and note.

    Raises:
        ValueError: If no image is in a split that is to be evaluated.
    """
    check_evaluated(evaluated, set(split_images["split"]))
    scores = split_images["score"].to_numpy()
    images = split_images.assign(level=scale.place(scores, score_scale["edges"]))
    training = int((images["split"] == "train").sum())
    steps = {}
    for name, settings in per_expert(dpo_training, of_pairs(experts)).items():
        count = DPOSettings(**settings).steps(training * pair_builder(name).per_image)
        steps[name] = count, count
    if LEVEL in experts:
        steps[LEVEL] = level_training.cycle(training), level_training.steps(training)
    source = Source(**score_source)
    table = data_check(images, readable_images, quarantine, score_scale, source, steps)
    told = [
        f"{what}: {value}" + (f" ({note})" if note else "")
        for what, value, note in table.to_numpy().tolist()
    ]
    lines = [line for text in told for line in textwrap.wrap(text, 110, subsequent_indent="  ")]
    logger.info("The data:\n  %s", "\n  ".join(lines))
    return table


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
        settings: whether the scores are shuffled that policies are trained and chosen by.
        seed: Decides how they do.

    Returns:
        The scored images: image_id, path, sha256, split, group, score and level; and, where it is
        known of one, spread: of the raters, in levels.
    """
    images = split_images.copy()
    if settings.shuffle_labels:
        logger.warning(
            "Label-shuffle control: the scores of training and validation images are shuffled."
        )
        generator = np.random.default_rng(seed)
        # A score keeps its raters' spread.
        said = ["score", "spread"]
        for split in SEEN:
            own = images["split"] == split
            images.loc[own, said] = generator.permutation(images.loc[own, said])
    images["level"] = scale.place(images["score"].to_numpy(), score_scale["edges"])
    columns = ["image_id", "path", "sha256", "split", "group", "score", "level"]
    if images["spread"].notna().any():
        images["spread"] = scale.spreads(
            images["score"].to_numpy(), images["spread"].to_numpy(), score_scale["values"]
        )
        columns.append("spread")
    return images[columns]


def _warn_of_outliers(scores: pd.Series) -> None:
    far = outliers(scores)
    if not far.empty:
        logger.warning(
            "%d scores lie far from the others, whose median is %g: %s. If they are slips, mend "
            "them, or set `ingestion.score_range`.",
            len(far),
            scores.median(),
            ", ".join(f"{score:g}" for score in sorted(set(far))[:5]),
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
