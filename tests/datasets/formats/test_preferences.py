"""A table of comparisons, through ingestion."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from selfscore.datasets.formats.bradley_terry import MOST_SCORES
from selfscore.datasets.formats.preferences import Comparisons
from selfscore.datasets.images import ImageFolderDataset
from selfscore.datasets.score_files import ScoreFilesDataset
from selfscore.pipelines.ingestion import nodes
from selfscore.pipelines.ingestion.settings import Columns, IngestionSettings

SETTINGS = IngestionSettings(
    format="preferences",
    columns=Columns("image", "score", None, None, None),
    comparisons=Comparisons("image_a", "image_b", "preferred", 2.0),
    unit=None,
    score_range=None,
    levels=5,
    method="quantile",
    validation_share=0.2,
    test_share=0.2,
    max_quarantine=0.05,
    threads=2,
    max_images_per_split=None,
    shuffle_labels=False,
)
NAMES = [f"{number:02d}.png" for number in range(20)]


def read(place: Path, *rows: str, **changes: Any) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Scores by image, and what is known of where they come from."""
    file = place / "pairs.csv"
    file.write_text("\n".join(["image_a,image_b,preferred,rater", *rows]) + "\n")
    files = ScoreFilesDataset(filepath=str(file)).load()
    listed, source = nodes.read_scores(files, replace(SETTINGS, **changes))
    return listed.set_index("path"), source


@pytest.mark.parametrize("said", ["a.jpg", "first", "A", "1", "left", "image_a", " First "])
def test_who_is_preferred_is_said_in_many_words(said: str, tmp_path: Path) -> None:
    scores, source = read(tmp_path, f"a.jpg,b.jpg,{said},anna")
    assert scores.loc["a.jpg", "score"] > 0 > scores.loc["b.jpg", "score"]
    assert source["unit"] == "log-odds of being preferred"


def test_a_name_comes_before_a_side(tmp_path: Path) -> None:
    """Images may be called `a` and `b`, or 1 and 2."""
    scores, _ = read(tmp_path, "b,a,a,anna", "2,1,2,anna", "a,1,tie,anna")
    assert scores.loc["a", "score"] > scores.loc["b", "score"]
    assert scores.loc["2", "score"] > scores.loc["1", "score"]


def test_ties_and_repetitions_count(tmp_path: Path) -> None:
    scores, source = read(tmp_path, "a,b,tie,x", "a,b,Equal,y", "b,c,c,x", "b,c,c,y", "c,b,c,z")
    assert scores.loc["a", "score"] == pytest.approx(scores.loc["b", "score"], abs=0.6)
    assert scores.loc["c", "score"] > scores.loc["b", "score"]
    told = "; ".join(source["recognised"])
    assert "5 comparisons of 3 images; 2 ties; reliability 0." in told
    assert "images that won all of their comparisons, or lost all: 1 (how" in told


def test_the_spread_is_the_standard_error(tmp_path: Path) -> None:
    rows = ["a,b,a,x", "b,c,b,x"] + ["a,c,a,x", "a,c,c,x"] * 20
    scores, _ = read(tmp_path, *rows)
    assert (scores["spread"] > 0).all()
    # b was compared twice, the others two dozen times.
    assert scores["spread"].idxmax() == "b"


def test_more_images_than_errors_can_be_computed_of_are_refused(tmp_path: Path) -> None:
    rows = [f"{number}.png,{number + 1}.png,first,x" for number in range(MOST_SCORES)]
    with pytest.raises(ValueError, match=r"of 20,001 images, .* at most 20,000 are fitted: leave"):
        read(tmp_path, *rows)


def test_groups_that_never_met_are_named(tmp_path: Path) -> None:
    rows = ["a,b,a,x", "b,c,c,x", "p,q,tie,x", "s,t,s,x"]
    with pytest.raises(
        ValueError, match=r"3 groups .*\(a, b, c\) \(p, q\) \(s, t\)\. Compare"
    ) as no:
        read(tmp_path, *rows)
    # What it says is enough, is enough.
    assert "2 comparisons join them" in str(no.value)
    assert len(read(tmp_path, *rows, "c,p,c,x", "q,s,s,x")[0]) == 7


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a,b,c,x", "Row 2 below the header compares 'a' with 'b', and prefers 'c'"),
        ("a,b,,x", "prefers ''"),
        ("a,b,0,x", "prefers '0'"),
        ("a,a,a,x", "compares 'a' with 'a'"),
        (",b,b,x", "compares '' with 'b'"),
    ],
)
def test_a_row_that_says_nothing_is_named(row: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="1 of 2 comparisons in 'pairs.csv'") as refused:
        read(tmp_path, "a,b,a,x", row)
    assert said in str(refused.value)


def test_other_columns_are_named_by_their_settings(tmp_path: Path) -> None:
    other = Comparisons("Image_A", "right_image", "preferred", 2.0)
    with pytest.raises(ValueError, match=r"no column 'right_image'.*image_b.*comparisons\.second"):
        read(tmp_path, "a,b,a,x", comparisons=other)


def test_a_table_without_rows(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'pairs\.csv' has no rows"):
        read(tmp_path)


def test_from_comparisons_to_levels_with_spread(tmp_path: Path) -> None:
    for place, name in enumerate(NAMES):
        Image.effect_noise((8, 8), 10 + place).save(tmp_path / name)
    rng = np.random.default_rng(0)
    # The later image wins more often the further apart they are.
    rows = [
        f"{NAMES[one]},{NAMES[other]},{'b' if rng.random() < 1 - 0.5 ** (other - one) else 'a'},x"
        for one, other in combinations(range(20), 2)
    ]
    scores, source = read(tmp_path, *rows)
    images = ImageFolderDataset(filepath=str(tmp_path)).load()
    readable, quarantine = nodes.check_images(scores.reset_index(), images, SETTINGS)
    split = nodes.draw_splits(readable, quarantine, SETTINGS, seed=0)
    scale = nodes.fit_score_scale(split, source, SETTINGS)
    scored = nodes.assign_levels(split, scale, SETTINGS, seed=0).set_index("path")
    assert len(scored) == 20 and quarantine.empty
    assert scored["level"].corr(pd.Series(range(20), NAMES), "spearman") > 0.9
    assert scored["spread"].between(0.01, 4).all()
