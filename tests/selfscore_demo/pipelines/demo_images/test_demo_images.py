"""Making the demo images, and the demo images that are shipped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from selfscore_demo.pipelines.demo_images.nodes import (
    draw_faults,
    list_statements,
    rate_pictures,
    render_pictures,
)
from selfscore_demo.pipelines.demo_images.settings import DemoImagesSettings, Series
from selfscore_demo.procedural import draw_picture

FIRST = Series(1, {"train": 6, "validation": 2, "test": 4})
SETTINGS = DemoImagesSettings(series=[FIRST], stored_size=64, share_faulty=0.5, raters=5)


@pytest.fixture
def sources() -> pd.DataFrame:
    """Two scenes to train, one to validate, two to test and one that demo images must not use."""
    uses = ["train", "train", "validation", "test", "test", "model"]
    scenes = [f"scene{n}" for n in range(6)]
    files = [f"{scene}.jpg" for scene in scenes]
    return pd.DataFrame({"file": files, "scene": scenes, "use": uses, "series": 1})


def test_plan_keeps_scenes_in_their_split(sources: pd.DataFrame) -> None:
    plan = draw_faults(sources, SETTINGS)
    assert plan["split"].value_counts().to_dict() == FIRST.images
    assert plan["image_id"].is_unique
    assert (plan.groupby("scene")["split"].nunique() == 1).all()
    assert "scene5" not in set(plan["scene"])
    pd.testing.assert_frame_equal(plan, draw_faults(sources, SETTINGS))


def test_a_later_series_moves_nothing_of_an_earlier_one(sources: pd.DataFrame) -> None:
    more = pd.DataFrame(
        {
            "file": ["a.jpg", "b.jpg"],
            "scene": ["a", "b"],
            "use": ["locked", "validation"],
            "series": 2,
        }
    )
    longer = replace(SETTINGS, series=[FIRST, Series(1, {"validation": 3, "locked": 5})])
    before = draw_faults(sources, SETTINGS)
    after = draw_faults(pd.concat([more, sources]), longer)
    pd.testing.assert_frame_equal(after[: len(before)], before)
    added = after[len(before) :]
    assert added["split"].tolist() == ["validation"] * 3 + ["locked"] * 5
    assert set(added["scene"]) == {"a", "b"}
    scores, _ = rate_pictures(after, longer)
    pd.testing.assert_frame_equal(
        scores[: len(before)], rate_pictures(before, SETTINGS)[0], check_dtype=False
    )


def test_a_scene_in_two_splits_is_refused(sources: pd.DataFrame) -> None:
    sources.loc[3, "scene"] = "scene0"
    with pytest.raises(ValueError, match="'scene0' has photographs in two splits"):
        draw_faults(sources, SETTINGS)


def test_a_split_without_photographs_is_refused(sources: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="of series 1 has use 'validation'"):
        draw_faults(sources[sources["use"] != "validation"], SETTINGS)


def test_rendering_is_repeatable_and_faults_show(sources: pd.DataFrame) -> None:
    rng = np.random.default_rng(0)
    clean = {f"scene{n}": draw_picture(rng, 90) for n in range(6)}
    loaders = {name: (lambda picture=picture: picture) for name, picture in clean.items()}
    plan = draw_faults(sources, SETTINGS)
    pictures = render_pictures(loaders, plan, SETTINGS)
    assert set(pictures) == set(plan["image_id"])
    assert {picture.size for picture in pictures.values()} == {(64, 64)}
    again = render_pictures(loaders, plan, SETTINGS)
    assert all(again[name].tobytes() == pictures[name].tobytes() for name in pictures)


def test_tables_have_their_columns_and_keep_severities_apart(sources: pd.DataFrame) -> None:
    plan = draw_faults(sources, SETTINGS)
    scores, severities = rate_pictures(plan, SETTINGS)
    assert list(scores.columns) == ["image", "score", "score_std", "raters", "scene", "split"]
    assert (scores["image"] == plan["image_id"] + ".jpg").all()
    assert list(severities["image_id"]) == list(plan["image_id"])
    assert severities.drop(columns="image_id").to_numpy().max() <= 1.0


def test_shipped_demo_images_are_what_the_tables_say(project: Path) -> None:
    folder = project / "data/01_raw/demo_images"
    scores = pd.read_csv(folder / "scores.csv")
    severities = pd.read_csv(folder / "severities.csv")
    files = {path.name for path in (folder / "images").iterdir()}
    assert files == set(scores["image"])
    assert set(severities["image_id"] + ".jpg") == files
    assert (scores.groupby("scene")["split"].nunique() == 1).all()
    assert scores["split"].value_counts().to_dict() == {
        "train": 600,
        "validation": 300,
        "test": 250,
        "locked": 250,
    }
    with Image.open(folder / "images" / scores["image"][0]) as picture:
        assert picture.size == (160, 160)
    assert sum((folder / "images" / name).stat().st_size for name in files) < 12e6


def test_shipped_lexicon_is_the_codes(project: Path) -> None:
    import json

    shipped = json.loads((project / "data/01_raw/demo_images/statement_lexicon.json").read_text())
    assert shipped == list_statements()


def test_every_photograph_names_author_and_licence(project: Path) -> None:
    folder = project / "data/01_raw/demo_photographs"
    sources = pd.read_csv(folder / "SOURCES.csv", keep_default_na=False)
    assert {path.name for path in folder.glob("*.jpg")} == set(sources["file"])
    for column in ("scene", "title", "author", "licence", "source", "package", "use"):
        assert (sources[column].str.len() > 0).all(), column
    allowed = sources["licence"].str.match(r"^(CC0-1\.0|CC-BY(-SA)?-\d\.\d|public-domain)$")
    assert allowed.all(), sources[~allowed]
    licensed = sources["licence"] != "public-domain"
    assert sources.loc[licensed, "licence_url"].str.startswith("https://creativecommons.org/").all()
    assert (sources.groupby("scene")["use"].nunique() == 1).all()
