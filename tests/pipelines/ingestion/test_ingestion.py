"""The nodes in the order in which the pipeline runs them, from files to scored images."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from selfscore.datasets.contracts import ScoredImages
from selfscore.datasets.formats.preferences import Comparisons
from selfscore.datasets.images import ImageFolderDataset
from selfscore.datasets.score_files import ScoreFilesDataset
from selfscore.pipelines.ingestion.nodes import (
    assign_levels,
    check_images,
    draw_splits,
    fit_score_scale,
    read_scores,
)
from selfscore.pipelines.ingestion.settings import Columns, IngestionSettings

Maker = Callable[..., Path]

SETTINGS = IngestionSettings(
    format="table",
    columns=Columns("image", "score", None, None, None),
    comparisons=Comparisons("image_a", "image_b", "preferred", 2.0),
    unit="points",
    score_range=None,
    levels=4,
    method="quantile",
    validation_share=0.2,
    test_share=0.2,
    max_quarantine=0.0,
    threads=2,
    max_images_per_split=None,
    shuffle_labels=False,
)
NAMES = [f"{number:02d}.png" for number in range(30)]


@pytest.fixture(autouse=True)
def in_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`read` writes its table here."""
    monkeypatch.chdir(tmp_path)


def read(scores: pd.DataFrame, parameters: IngestionSettings) -> pd.DataFrame:
    """Read the scores from a file."""
    return read_both(scores, parameters)[0]


def read_both(
    scores: pd.DataFrame, parameters: IngestionSettings
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The same, and what is known of where they come from."""
    scores.to_csv("scores.csv", index=False)
    return read_scores(ScoreFilesDataset(filepath="scores.csv").load(), parameters)


def table(names: list[str] = NAMES, **columns: Any) -> pd.DataFrame:
    scores = {"score": [str(number / 3) for number in range(len(names))]}
    return pd.DataFrame({"image": names, **(scores | columns)}).astype("str")


def ingest(
    scores: pd.DataFrame, folder: Path, seed: int = 0, **changes: Any
) -> tuple[pd.DataFrame, dict[str, Any], pd.DataFrame]:
    parameters = replace(SETTINGS, **changes)
    images = ImageFolderDataset(filepath=str(folder)).load()
    rows, source = read_both(scores, parameters)
    readable, quarantine = check_images(rows, images, parameters)
    split = draw_splits(readable, quarantine, parameters, seed)
    scale = fit_score_scale(split, source, parameters)
    return assign_levels(split, scale, parameters, seed), scale, quarantine


def test_good_input(image_folder: Maker) -> None:
    scored, scale, quarantine = ingest(table(), image_folder(*NAMES))

    ScoredImages.validate(scored)
    assert len(scored) == 30
    assert quarantine.empty
    assert scored["split"].value_counts().to_dict() == {"train": 18, "validation": 6, "test": 6}
    assert scored["sha256"].nunique() == 30
    assert scale["unit"] == "points"


def test_split_covers_scores_and_depends_on_seed(image_folder: Maker) -> None:
    folder = image_folder(*NAMES)
    first, _, _ = ingest(table(), folder, seed=0)
    again, _, _ = ingest(table(), folder, seed=0)
    other, _, _ = ingest(table(), folder, seed=1)

    pd.testing.assert_frame_equal(first, again)
    assert not first["split"].equals(other["split"])
    means = first.groupby("split")["score"].mean()
    assert means.max() - means.min() < 1.5  # of a range of 10


def test_groups_stay_together(image_folder: Maker) -> None:
    groups = [f"scene {number // 3}" for number in range(30)]
    scored, _, _ = ingest(table(group=groups), image_folder(*NAMES))
    assert (scored.groupby("group")["split"].nunique() == 1).all()
    assert set(scored["split"]) == {"train", "validation", "test"}


def test_split_column_is_kept(image_folder: Maker) -> None:
    given_splits = ["training"] * 20 + ["val"] * 5 + ["Test"] * 5
    scored, _, _ = ingest(table(split=given_splits), image_folder(*NAMES))
    assert list(scored["split"]) == ["train"] * 20 + ["validation"] * 5 + ["test"] * 5


def test_further_splits_are_kept_and_told(
    image_folder: Maker, caplog: pytest.LogCaptureFixture
) -> None:
    splits = ["train"] * 14 + ["validation"] * 5 + ["TEST"] * 5 + ["Locked"] * 6
    with caplog.at_level("INFO"):
        scored, _, quarantine = ingest(table(split=splits), image_folder(*NAMES))
    ScoredImages.validate(scored)
    assert quarantine.empty
    assert scored["split"].tolist() == [name.lower() for name in splits]
    assert "splits given: train, validation, test, locked" in caplog.text


def test_a_further_split_keeps_its_images_before_the_others(image_folder: Maker) -> None:
    folder = image_folder(*NAMES)
    shutil.copy(folder / NAMES[0], folder / NAMES[29])
    shutil.copy(folder / NAMES[1], folder / NAMES[20])
    splits = ["train"] * 14 + ["validation"] * 5 + ["test"] * 5 + ["locked"] * 6
    scored, _, quarantine = ingest(table(split=splits), folder, max_quarantine=0.1)
    assert quarantine["path"].tolist() == NAMES[:2]
    assert "the locked split has an image with the same content" in quarantine["reason"][0]
    assert "the test split" in quarantine["reason"][1]
    assert not {"00", "01"} & set(scored["image_id"])


def test_one_slip_in_the_name_of_a_split_goes_to_quarantine(image_folder: Maker) -> None:
    splits = ["train"] * 20 + ["validation"] * 5 + ["test"] * 4 + ["tset"]
    _, _, quarantine = ingest(table(split=splits), image_folder(*NAMES), max_quarantine=0.1)
    assert "did you mean test?" in quarantine["reason"][0]


def test_missing_validation_split_is_drawn_from_training_images(image_folder: Maker) -> None:
    scored, _, _ = ingest(table(split=["train"] * 20 + ["test"] * 10), image_folder(*NAMES))
    assert scored["split"].value_counts().to_dict() == {"train": 16, "test": 10, "validation": 4}
    assert (scored["split"][20:] == "test").all()


def test_scale_knows_only_training_scores(image_folder: Maker) -> None:
    splits = ["train"] * 20 + ["validation"] * 5 + ["test"] * 5
    folder = image_folder(*NAMES)
    scored, scale, _ = ingest(table(split=splits), folder)
    scores = [str(number / 3 if number < 20 else 1000 + number) for number in range(30)]
    _, moved, _ = ingest(table(split=splits, score=scores), folder)

    assert moved == scale
    training = scored[scored["split"] == "train"]
    assert training["level"].value_counts().to_dict() == {0: 5, 1: 5, 2: 5, 3: 5}
    assert scale["values"] == pytest.approx(training.groupby("level")["score"].mean().to_list())
    assert scale["min"] == 0
    assert scale["max"] == pytest.approx(19 / 3)


def test_integer_levels(image_folder: Maker) -> None:
    scores = [str([1, 2, 4.4, 4.6, 5][number % 5]) for number in range(30)]
    scored, scale, _ = ingest(table(score=scores), image_folder(*NAMES), method="integer", levels=5)
    by_score = scored.drop_duplicates("score").set_index("score")["level"]
    assert by_score.to_dict() == {1.0: 0, 2.0: 1, 4.4: 3, 4.6: 4, 5.0: 4}
    assert scale["values"][2] == 3.0  # no image has it: the whole number itself


def test_subset_is_seeded_and_nested(image_folder: Maker) -> None:
    folder = image_folder(*NAMES)
    small, _, _ = ingest(table(), folder, max_images_per_split=4)
    larger, _, _ = ingest(table(), folder, max_images_per_split=5)
    assert small["split"].value_counts().to_dict() == {"train": 4, "validation": 4, "test": 4}
    assert set(small["image_id"]) < set(larger["image_id"])


def test_the_raters_spread_is_kept_in_levels(
    image_folder: Maker, caplog: pytest.LogCaptureFixture
) -> None:
    folder = image_folder(*NAMES)
    plain, scale, _ = ingest(table(), folder)
    assert "spread" not in plain
    given = ["0.5" if place else "none" for place in range(len(NAMES))]
    columns = Columns("image", "score", None, None, "sd")
    scored, _, _ = ingest(table(sd=given), folder, columns=columns)
    assert "not known for 1 of " in caplog.text and "'sd'" in caplog.text
    ScoredImages.validate(scored)
    pd.testing.assert_frame_equal(scored.drop(columns="spread"), plain)
    known = scored[scored["spread"].notna()]
    assert len(known) == len(scored) - 1
    levels = np.arange(len(scale["values"]))
    around = [np.interp(known["score"] + by, scale["values"], levels) for by in (-0.5, 0.5)]
    np.testing.assert_allclose(known["spread"], (around[1] - around[0]) / 2)
    with pytest.raises(ValueError, match="no column 'std'"):
        ingest(table(), folder, columns=Columns("image", "score", None, None, "std"))


def test_shuffled_labels_leave_the_test_alone(image_folder: Maker) -> None:
    folder = image_folder(*NAMES)
    plain, scale, _ = ingest(table(), folder)
    shuffled, same_scale, _ = ingest(table(), folder, shuffle_labels=True)
    test = plain["split"] == "test"
    assert test.any()
    pd.testing.assert_frame_equal(plain[test], shuffled[test])
    for split in ("train", "validation"):
        own = plain["split"] == split
        assert sorted(plain["score"][own]) == sorted(shuffled["score"][own])
        assert not plain["score"][own].equals(shuffled["score"][own])
    assert scale == same_scale


def test_names_without_suffix_and_with_zeros(image_folder: Maker) -> None:
    scored, _, _ = ingest(table([name[:-4] for name in NAMES]), image_folder(*NAMES))
    assert list(scored["path"]) == NAMES
    assert scored["image_id"].iloc[7] == "07"


# Bad input: each says what is wrong and what to do.


def test_missing_column_lists_the_columns_there_are() -> None:
    scores = table().rename(columns={"score": "MOS"})
    with pytest.raises(ValueError, match=r"no column 'score'.*image, MOS.*columns\.score"):
        read(scores, SETTINGS)


@pytest.mark.parametrize("role", ["split", "group"])
def test_a_column_that_is_named_must_be_there(role: str) -> None:
    scores = table(photographer=["a", "b"] * 15)
    columns = replace(SETTINGS.columns, **{role: "fotographer"})
    asked = rf"no column 'fotographer': did you mean 'photographer'\?.*columns\.{role}"
    with pytest.raises(ValueError, match=asked):
        read(scores, replace(SETTINGS, columns=columns))
    columns = replace(SETTINGS.columns, group="photographer")
    assert set(read(scores, replace(SETTINGS, columns=columns))["group"]) == {"a", "b"}


def test_columns_of_the_usual_names_are_used_and_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    scores = table(scene=["a", "b", ""] * 10, Split=["train"] * 20 + ["test"] * 10)
    rows = read(scores.rename(columns={"score": "Score"}), SETTINGS)
    assert set(rows["group"]) == {"a", "b", ""}
    assert set(rows["split"]) == {"train", "test"}
    assert (
        "scores.csv: 30 rows, separator ',', UTF-8; columns: image 'image', score 'Score', "
        "split 'Split', group 'scene'; splits given: train, test; 2 groups." in caplog.text
    )


def test_a_table_without_header_is_told() -> None:
    Path("scores.csv").write_text("00.png,1\n01.png,2\n")
    with pytest.raises(
        ValueError, match=r"columns are: 00\.png, 1; that looks like.*such as image,score"
    ):
        read_scores(ScoreFilesDataset(filepath="scores.csv").load(), SETTINGS)


def test_empty_table() -> None:
    with pytest.raises(ValueError, match="no rows"):
        read(table()[:0], SETTINGS)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("", "no score"),
        ("nan", "no score|not a number"),
        ("good", "'good' is not a number"),
        ("inf", "'inf' is not a number"),
        ("1e308", "score is beyond ±1e\\+15: 1e308"),
    ],
)
def test_score_that_is_no_number_stops_the_run(image_folder: Maker, cell: str, reason: str) -> None:
    scores = table()
    scores.loc[3, "score"] = cell
    with pytest.raises(ValueError, match=rf"1 of 30 rows.*({reason}).*'03\.png'.*max_quarantine"):
        ingest(scores, image_folder(*NAMES))


def test_missing_cell_is_a_missing_score() -> None:
    scores = table()
    scores.loc[3, "score"] = None
    assert read(scores, SETTINGS).loc[3, "reason"] == "no score"


def test_below_the_limit_bad_rows_go_to_quarantine(image_folder: Maker) -> None:
    names = [*NAMES, "gone.png", "broken.png"]
    folder = image_folder(*NAMES)
    (folder / "broken.png").write_bytes(b"not an image")
    scores = table(names)
    scores.loc[3, "score"] = "good"

    scored, _, quarantine = ingest(scores, folder, max_quarantine=0.1)

    assert quarantine.set_index("path")["reason"].to_dict() == {
        "03.png": "score 'good' is not a number",
        "gone.png": "not in the image folder",
        "broken.png": "cannot be read as an image",
    }
    assert len(scored) == 29
    ScoredImages.validate(scored)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("gone.png", "not in the image folder"), ("broken.png", "cannot be read as an image")],
)
def test_above_the_limit_bad_images_stop_the_run(
    image_folder: Maker, name: str, reason: str
) -> None:
    folder = image_folder(*NAMES)
    (folder / "broken.png").write_bytes(b"not an image")
    with pytest.raises(ValueError, match=rf"1 of 31 rows.*{reason} \(for example '{name}'\)"):
        ingest(table([*NAMES, name]), folder)


def test_duplicate_names(image_folder: Maker) -> None:
    scores = pd.concat([table(), table().iloc[[4]], table().iloc[[5]].assign(score="99")])
    rows = read(scores.reset_index(drop=True), SETTINGS)
    assert rows.loc[rows["reason"] != "", ["path", "reason"]].values.tolist() == [
        ["05.png", "listed more than once, with different scores"],
        ["04.png", "listed more than once"],
        ["05.png", "listed more than once, with different scores"],
    ]
    with pytest.raises(ValueError, match=r"listed more than once.*give their mean in one row"):
        ingest(scores.reset_index(drop=True), image_folder(*NAMES))


def test_score_out_of_range(image_folder: Maker) -> None:
    scores = table()
    scores.loc[3, "score"] = "11"
    rows = read(scores, replace(SETTINGS, score_range=(0, 10)))
    assert rows.loc[3, "reason"] == "score is outside 0 to 10: 11"
    assert (rows["reason"] != "").sum() == 1
    with pytest.raises(ValueError, match=r"1 × score is outside 0 to 10: 11 \(.*'03\.png'\)"):
        ingest(scores, image_folder(*NAMES), score_range=(0, 10))


def test_reasons_are_told_by_kind_the_most_frequent_first(image_folder: Maker) -> None:
    scores = table()
    scores.loc[:5, "score"] = ["a", "b", "c", "", "", "d"]
    with pytest.raises(ValueError, match=r"table.*: 4 × score 'a' is.*; 2 × no score \(.*03\.png"):
        ingest(scores, image_folder(*NAMES))


def test_every_fault_of_a_file_has_its_reason(image_folder: Maker) -> None:
    faults = {
        "empty.png": "the file is empty",
        "text.jpg": "cannot be read as an image",
        "cut.jpg": "damaged or cut off",
        "moving.gif": "more than one frame or page",
        "float.tif": "colour mode F has no agreed way to RGB",
        "strip.png": "more than 100 times as long as wide",
        "gone.png": "not in the image folder",
        "layers.psd": "not in the image folder, from which '.psd' is not read",
        "twice.png": "2 files in the image folder have this name: a/twice.png, b/twice.png",
    }
    folder = image_folder(*NAMES, "a/twice.png", "b/twice.png", "cut.jpg", "stray [1].png")
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.jpg").write_text("<html>404</html>")
    (folder / "layers.psd").write_bytes(b"\x00")
    (folder / "cut.jpg").write_bytes((folder / "cut.jpg").read_bytes()[:-20])
    frames = [Image.new("L", (4, 4), colour) for colour in (0, 255)]
    frames[0].save(folder / "moving.gif", save_all=True, append_images=frames[1:])
    Image.new("F", (4, 4)).save(folder / "float.tif")
    Image.new("L", (3, 1000)).save(folder / "strip.png")
    Image.new("L", (300, 3)).save(folder / "panorama.png")

    names = [*NAMES, "panorama.png", *faults]
    scored, _, quarantine = ingest(table(names), folder, max_quarantine=0.5)

    told = quarantine.set_index("path")["reason"].to_dict()
    assert told == faults | {"stray [1].png": "not in the score table"}
    assert len(scored) == 31
    ScoredImages.validate(scored)


def test_odd_names(image_folder: Maker) -> None:
    odd = [
        "with blank.png",
        "brackets [1] (2).png",
        "caf\u00e9 \u5199\u771f.png",
        "a,b;c.png",
        "50%.png",
        "#1.png",
    ]
    scored, _, quarantine = ingest(table([*NAMES, *odd]), image_folder(*NAMES, *odd))
    assert set(odd) < set(scored["path"])
    assert quarantine.empty


def test_kinds_of_image_that_need_converting_can_be_used(image_folder: Maker) -> None:
    folder = image_folder(*NAMES)
    odd = {
        "cmyk.jpg": Image.new("CMYK", (4, 4), (9, 8, 7, 6)),
        "grey.png": Image.new("L", (4, 4), 7),
        "deep.png": Image.new("I;16", (4, 4), 40_000),
        "clear.png": Image.new("RGBA", (4, 4), (1, 2, 3, 4)),
    }
    for name, image in odd.items():
        image.save(folder / name)
    (folder / "wrong.jpg").write_bytes((folder / "grey.png").read_bytes() + b"\0")
    scored, _, quarantine = ingest(table([*NAMES, *odd, "wrong.jpg"]), folder)
    assert len(scored) == 35
    assert quarantine.empty


def test_files_that_are_not_listed_do_not_count_against_the_limit(
    image_folder: Maker, caplog: pytest.LogCaptureFixture
) -> None:
    folder = image_folder(*NAMES, *(f"extra/{number}.png" for number in range(40)))
    _, _, quarantine = ingest(table(), folder)
    assert set(quarantine["reason"]) == {"not in the score table"}
    assert len(quarantine) == 40
    assert "not in the score table: 40. See `quarantine`" in caplog.text


def test_file_of_an_unusable_row_is_listed(image_folder: Maker) -> None:
    scores = table()
    scores.loc[3, "score"] = ""
    _, _, quarantine = ingest(scores, image_folder(*NAMES), max_quarantine=0.1)
    assert quarantine.values.tolist() == [["03.png", "no score", True]]


def test_two_names_of_one_file(image_folder: Maker) -> None:
    scores = table([*NAMES, "03", "./04.png"])
    scores.loc[31, "score"] = scores.loc[4, "score"]
    _, _, quarantine = ingest(scores, image_folder(*NAMES), max_quarantine=0.2)
    assert quarantine[["path", "reason"]].values.tolist() == [
        ["03.png", "listed more than once, with different scores"],
        ["03.png", "listed more than once, with different scores"],
        ["04.png", "listed more than once"],
    ]


def test_quarantine_is_complete_when_the_run_stops(image_folder: Maker) -> None:
    folder = image_folder(*NAMES)
    (folder / "07.png").write_bytes(b"")
    images = ImageFolderDataset(filepath=str(folder)).load()
    readable, quarantine = check_images(read(table(), SETTINGS), images, SETTINGS)
    assert quarantine.values.tolist() == [["07.png", "the file is empty", True]]
    with pytest.raises(ValueError, match=r"1 of 30 rows"):
        draw_splits(readable, quarantine, SETTINGS, 0)


def test_no_file_at_all(image_folder: Maker) -> None:
    with pytest.raises(ValueError, match=r"30 of 30 rows.*30 × not in the image folder"):
        ingest(table(), image_folder("other.png"), max_quarantine=1.0)


def test_threads_do_not_change_the_result(image_folder: Maker) -> None:
    names = [f"{number:03d}.png" for number in range(300)]
    folder = image_folder(*names)
    (folder / "123.png").write_bytes(b"")
    one, _, left = ingest(table(names), folder, threads=1, max_quarantine=0.1)
    many, _, left_too = ingest(table(names), folder, threads=8, max_quarantine=0.1)
    pd.testing.assert_frame_equal(one, many)
    pd.testing.assert_frame_equal(left, left_too)
    content = (folder / "299.png").read_bytes()
    assert one["sha256"].iloc[-1] == hashlib.sha256(content).hexdigest()


def test_same_content_does_not_cross_a_given_split(image_folder: Maker) -> None:
    folder = image_folder(*NAMES)
    splits = ["train"] * 20 + ["validation"] * 5 + ["test"] * 5
    for copy, original in (("01.png", "29.png"), ("22.png", "28.png"), ("03.png", "21.png")):
        shutil.copy(folder / original, folder / copy)
    shutil.copy(folder / "05.png", folder / "04.png")  # both train: no harm
    scored, _, quarantine = ingest(table(split=splits), folder, max_quarantine=0.2)
    assert quarantine[["path", "reason"]].values.tolist() == [
        ["01.png", "the test split has an image with the same content"],
        ["03.png", "the validation split has an image with the same content"],
        ["22.png", "the test split has an image with the same content"],
    ]
    assert (scored.groupby("sha256")["split"].nunique() == 1).all()
    assert len(scored) == 27


def test_same_content_does_not_cross_a_drawn_split(image_folder: Maker) -> None:
    folder = image_folder(*NAMES)
    # Content joins groups, also over a third one: 0-1-2 through 02 = 03 and 05 = 06.
    groups = [f"scene {number // 3}" for number in range(30)]
    for original, copy in (("02", "03"), ("05", "06"), ("20", "28")):
        shutil.copy(folder / f"{original}.png", folder / f"{copy}.png")
    for seed in range(10):
        scored, _, quarantine = ingest(table(group=groups), folder, seed=seed)
        split = scored.set_index("image_id")["split"]
        assert quarantine.empty
        assert (scored.groupby("sha256")["split"].nunique() == 1).all()
        assert (scored.groupby("group")["split"].nunique() == 1).all()
        assert split[[f"{number:02d}" for number in range(9)]].nunique() == 1
        assert split[["18", "20", "27", "28"]].nunique() == 1


@pytest.mark.parametrize(("unit", "expected"), [(None, "stars"), ("stars 1-5", "stars 1-5")])
def test_the_unit_of_a_table_is_said_or_its_columns_name(unit: str | None, expected: str) -> None:
    parameters = replace(SETTINGS, unit=unit, columns=Columns("image", "stars", None, None, None))
    _, source = read_both(table().rename(columns={"score": "stars"}), parameters)
    assert source["unit"] == expected


def test_unit_of_a_published_data_set_is_its_own(image_folder: Maker) -> None:
    names = {"image": "image_name", "score": "MOS"}
    scores = table(set=["training"] * 30).rename(columns=names)
    _, source = read_both(scores, replace(SETTINGS, format="koniq10k"))
    assert source["unit"] == "KonIQ-10k mean opinion score 1-100"


def test_demo_is_split_and_levelled_as_its_results_were_made(project: Path) -> None:
    conf = project / "conf/base/ingestion"
    parameters = yaml.safe_load((conf / "parameters.yml").read_text())
    unit = yaml.safe_load((conf / "catalog.yml").read_text())["raw_scores"]["demo_unit"]
    demo = project / "data/01_raw/demo_images"
    parameters = IngestionSettings(**parameters["ingestion"])
    files = ScoreFilesDataset(filepath=str(demo / "scores.csv"), demo=str(demo), demo_unit=unit)
    rows, source = read_scores(files.load(), parameters)
    images = ImageFolderDataset(filepath=str(demo / "images")).load()
    readable, quarantine = check_images(rows, images, parameters)
    split = draw_splits(readable, quarantine, parameters, seed=0)
    scale = fit_score_scale(split, source, parameters)
    scored = assign_levels(split, scale, parameters, seed=0)

    assert quarantine.empty
    text = scored.to_csv(index=False, lineterminator="\n")
    assert (
        hashlib.sha256(text.encode()).hexdigest()
        == "674c0f43cf47393cd250a6e0bb886a7891c4c5f659f5fbc398d274531f9ea614"
    )
    # Part of the digest of every policy.
    assert (scale["method"], scale["unit"]) == ("quantile", "mean opinion score 1-10")


def test_names_that_differ_only_in_suffix(image_folder: Maker) -> None:
    with pytest.raises(ValueError, match="same name apart from its suffix"):
        ingest(table([*NAMES, "00.jpg"]), image_folder(*NAMES, "00.jpg"))


def test_unknown_split(image_folder: Maker) -> None:
    with pytest.raises(ValueError, match=r"split 'part' is not train, validation or test"):
        ingest(table(split=["part"] * 30), image_folder(*NAMES))


def test_no_usable_row_at_all(image_folder: Maker) -> None:
    with pytest.raises(ValueError, match="30 of 30 rows"):
        ingest(table(score=["x"] * 30), image_folder(*NAMES), max_quarantine=1.0)


def test_each_of_few_scores_is_a_level_with_its_own_value(image_folder: Maker) -> None:
    scores = [str([0.1, 2, 2, 3, 4][number % 5]) for number in range(30)]
    scored, scale, _ = ingest(table(score=scores), image_folder(*NAMES), levels=10)
    assert scale["values"] == [0.1, 2, 3, 4]
    assert dict(zip(scored["score"], scored["level"], strict=True)) == {0.1: 0, 2: 1, 3: 2, 4: 3}


def test_too_many_whole_numbers(image_folder: Maker) -> None:
    with pytest.raises(ValueError, match=r"from \d to \d+ in whole.*method: quantile"):
        ingest(table(), image_folder(*NAMES), method="integer")
    ingest(table(), image_folder(*NAMES), method="quantile")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "livefb"}, "'aadb', .*'spaq'"),
        ({"levels": 101}, "less than or equal to 100"),
        ({"levels": 1}, "greater than or equal to 2"),
        ({"method": "magic"}, "'quantile' or 'integer'"),
        ({"test_share": 0.9}, "below 1 together"),
        ({"score_range": [5, 1]}, "the lowest and then the highest"),
        ({"score_range": [1]}, "score_range"),
    ],
)
def test_parameters_out_of_range(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SETTINGS, **change)


@settings(max_examples=60, deadline=None)
@given(
    scores=st.lists(st.floats(-1e6, 1e6), min_size=10, max_size=200, unique=True),
    levels=st.integers(2, 10),
)
def test_levels_keep_the_order_of_scores(scores: list[float], levels: int) -> None:
    images = pd.DataFrame({"score": scores, "split": "train", "spread": np.nan})
    parameters = replace(SETTINGS, levels=levels)
    columns = ["image_id", "path", "sha256", "group"]
    source = {"recognised": [], "columns": {}, "unit": "points"}
    scale = fit_score_scale(images, source, parameters)
    levelled = assign_levels(images.assign(**dict.fromkeys(columns, "")), scale, parameters, 0)

    ordered = levelled.sort_values("score")["level"].to_numpy()
    assert (np.diff(ordered) >= 0).all()
    assert set(ordered) == set(range(min(levels, len(scores) // 2)))
    assert (np.diff(scale["values"]) > 0).all()


def test_lost_zeros_are_guessed_at(image_folder: Maker) -> None:
    names = [f"{number:05d}.png" for number in range(1, 31)]
    numbers = table([str(number) for number in range(1, 31)])
    with pytest.raises(ValueError, match=r"30 × not in the image folder, but '\d{5}\.png' is"):
        ingest(numbers, image_folder(*names), max_quarantine=0.5)


def test_every_row_of_any_table_is_used_or_quarantined_or_refused(image_folder: Maker) -> None:
    folder = image_folder(*NAMES[:4])
    images = ImageFolderDataset(filepath=str(folder)).load()
    parameters = replace(SETTINGS, max_quarantine=1.0)

    @given(
        st.lists(
            st.tuples(
                st.sampled_from([*NAMES[:4], "gone.png", "", "a/00.png", "0", '"x', " y;"]),
                st.sampled_from(["1", "2,5", "2.5", "", "x", '"3', "1e308"]),
            ),
            min_size=1,
            max_size=8,
        ),
        st.sampled_from(",;\t"),
    )
    @settings(max_examples=150, deadline=None)
    def hold(rows: list[tuple[str, str]], separator: str) -> None:
        lines = [separator.join(row) for row in [("image", "score"), *rows]]
        Path("scores.csv").write_text("\n".join(lines))
        try:
            listed, _ = read_scores(ScoreFilesDataset(filepath="scores.csv").load(), parameters)
        except ValueError:
            return
        readable, quarantine = check_images(listed, images, parameters)
        strays = quarantine["reason"] == "not in the score table"
        given_rows = sum(any(cell.strip() for cell in row) for row in rows)
        assert len(readable) + (~strays).sum() == len(listed) == given_rows

    hold()


def test_a_file_whose_name_is_no_text_is_one_quarantined_item(
    image_folder: Maker, tmp_path: Path
) -> None:
    folder = image_folder(*NAMES, "caf.png")
    os.rename(folder / "caf.png", os.fsencode(folder) + b"/caf\xe9.png")
    scored, _, quarantine = ingest(table(), folder)
    assert len(scored) == len(NAMES)
    quarantine.to_parquet(tmp_path / "quarantine.parquet")
    assert quarantine["path"].tolist() == ["caf<E9>.png"]
