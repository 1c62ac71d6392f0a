"""Each published data set on a small tree in exactly its format, through ingestion."""

from __future__ import annotations

import importlib.util
import io
import pkgutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from selfscore.datasets import formats
from selfscore.datasets.formats import Format
from selfscore.datasets.formats.preferences import Comparisons
from selfscore.datasets.images import ImageFolderDataset
from selfscore.datasets.score_files import ScoreFilesDataset
from selfscore.pipelines.ingestion.nodes import check_images, draw_splits, read_scores
from selfscore.pipelines.ingestion.settings import Columns, IngestionSettings

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
    max_quarantine=0.5,
    threads=2,
    max_images_per_split=None,
    shuffle_labels=False,
)
needs_openpyxl = pytest.mark.skipif(
    importlib.util.find_spec("openpyxl") is None, reason="openpyxl reads SPAQ's workbook"
)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def write_images(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # Another colour for each path, so that no two have the same content.
        Image.effect_noise((8, 8), sum(name.encode()) + len(str(path))).save(path)


def ingest(
    name: str, folder: Path, scores: Path, **changes: Any
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Images with their split, by path, and the quarantine as path → reason."""
    parameters = replace(SETTINGS, format=name, **changes)
    rows = read_scores(ScoreFilesDataset(filepath=str(scores)).load(), parameters)[0]
    images = ImageFolderDataset(filepath=str(folder)).load()
    readable, quarantine = check_images(rows, images, parameters)
    split = draw_splits(readable, quarantine, parameters, seed=0)
    return split.set_index("path"), quarantine.set_index("path")["reason"].to_dict()


# AVA: blanks, no header, histograms; missing and broken images; the official test list.


def ava(root: Path, ids: list[int], test: list[int] | None) -> None:
    rows = [
        f"{number} {image} 0 1 5 17 38 36 15 6 5 {number} 1 22 1396"
        for number, image in enumerate(ids, start=1)
    ]
    write(root / "AVA.txt", "\n".join(rows) + "\n")
    if test is not None:
        write(root / "aesthetics_image_lists/generic_test.jpgl", "".join(f"{i}\n" for i in test))
        write(root / "aesthetics_image_lists/generic_ls_train.jpgl", f"{ids[0]}\n")


def test_ava(tmp_path: Path) -> None:
    ids = list(range(953600, 953620))
    ava(tmp_path, [*ids, 310261, 2113], test=[ids[1], ids[3], 310261])
    write_images(tmp_path / "image", *(f"{image}.jpg" for image in ids))
    (tmp_path / "image/2113.jpg").write_bytes(b"")

    images, quarantine = ingest("ava", tmp_path / "image", tmp_path)

    assert quarantine == {
        "310261.jpg": "not in the image folder",
        "2113.jpg": "the file is empty",
    }
    assert images["split"].value_counts().to_dict() == {"train": 14, "validation": 4, "test": 2}
    assert set(images.index[images["split"] == "test"]) == {"953601.jpg", "953603.jpg"}
    # Index 1: 0 1 5 17 38 36 15 6 5 1 votes for 1 to 10.
    assert images.loc["953600.jpg", "score"] == pytest.approx(699 / 124)


def test_ava_without_test_list_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ids = list(range(20))
    ava(tmp_path, ids, test=None)
    write_images(tmp_path / "images", *(f"{image}.jpg" for image in ids))
    images, _ = ingest("ava", tmp_path / "images", tmp_path / "AVA.txt")
    assert set(images["split"]) == {"train", "validation", "test"}
    assert "not AVA's official ones" in caplog.text


def test_ava_image_without_votes(tmp_path: Path) -> None:
    ava(tmp_path, list(range(20)), test=[3])
    with (tmp_path / "AVA.txt").open("a") as file:
        file.write("21 99 0 0 0 0 0 0 0 0 0 0 1 22 1396\n")
    write_images(tmp_path / "images", *(f"{image}.jpg" for image in [*range(20), 99]))
    _, quarantine = ingest("ava", tmp_path / "images", tmp_path)
    assert quarantine == {"99.jpg": "no score"}


# AADB: three lists, two folders; the older test list and the attributes' lists are beside them.


def aadb(root: Path) -> dict[str, list[str]]:
    names = {
        "Train": [f"farm1_{i}_19452343093_8ee7e5e375_b.jpg" for i in range(8)],
        "Validation": [f"farm5_{i}_b.jpg" for i in range(2)],
        "TestNew": [f"farm9_{i}_b.jpg" for i in range(3)],
    }
    for split, listed in names.items():
        write(
            root / f"imgListFiles_label/imgList{split}Regression_score.txt",
            "".join(f"{name} 0.{40 + i}\r\n" for i, name in enumerate(listed)),
        )
    write(root / "imgListFiles_label/imgListTestRegression_score.txt", "farm1_0_b.jpg 0.99\n")
    write(root / "imgListFiles_label/imgListTrainRegression_Light.txt", "farm1_0_b.jpg -0.2\n")
    return names


def test_aadb_two_folders(tmp_path: Path) -> None:
    names = aadb(tmp_path)
    write_images(
        tmp_path, *(f"datasetImages_originalSize/{n}" for n in names["Train"] + names["Validation"])
    )
    # The folder of training images has copies of the test images in some mirrors.
    write_images(tmp_path, *(f"AADB_newtest_originalSize/{n}" for n in names["TestNew"]))
    write_images(tmp_path, f"datasetImages_originalSize/{names['TestNew'][0]}")

    images, quarantine = ingest("aadb", tmp_path, tmp_path / "imgListFiles_label")

    assert images["split"].value_counts().to_dict() == {"train": 8, "test": 3, "validation": 2}
    tested = images[images["split"] == "test"]
    assert [path.split("/")[0] for path in tested.index] == ["AADB_newtest_originalSize"] * 3
    assert sorted(tested["score"]) == [0.40, 0.41, 0.42]
    assert quarantine == {
        f"datasetImages_originalSize/{names['TestNew'][0]}": "not in the score table"
    }


def test_aadb_all_in_one_folder(tmp_path: Path) -> None:
    names = aadb(tmp_path)
    folder = tmp_path / "datasetImages_warp256"
    write_images(folder, *(name for listed in names.values() for name in listed))
    images, quarantine = ingest("aadb", folder, tmp_path)
    assert len(images) == 13
    assert quarantine == {}


def test_aadb_needs_all_lists(tmp_path: Path) -> None:
    aadb(tmp_path)
    with pytest.raises(ValueError, match=r"no file 'imgListValidationRegression_score\.txt'"):
        ingest("aadb", tmp_path, tmp_path / "imgListFiles_label/imgListTrainRegression_score.txt")


# KonIQ-10k: MOS 1-100 and the official split in one table; two folders with the same names.

KONIQ = "image_name,c1,c2,c3,c4,c5,c_total,MOS,SD,set\n"


def koniq(root: Path) -> list[str]:
    names = [f"{10004473376 + i}.jpg" for i in range(10)]
    sets = ["training"] * 6 + ["validation"] * 2 + ["test"] * 2
    rows = [
        f"{name},0.0,0.0,0.25,0.69,0.06,105,{70 + i}.3859649123,0.527,{split}\n"
        for i, (name, split) in enumerate(zip(names, sets, strict=True))
    ]
    write(root / "koniq10k_distributions_sets.csv", KONIQ + "".join(rows))
    return names


def test_koniq10k(tmp_path: Path) -> None:
    names = koniq(tmp_path)
    write_images(tmp_path / "512x384", *names)
    images, quarantine = ingest("koniq10k", tmp_path / "512x384", tmp_path)
    assert list(images["split"]) == ["train"] * 6 + ["validation"] * 2 + ["test"] * 2
    assert images["score"].iloc[0] == 70.3859649123
    assert quarantine == {}


def test_koniq10k_folder_with_both_sizes_is_not_guessed(tmp_path: Path) -> None:
    names = koniq(tmp_path)
    write_images(tmp_path, *(f"512x384/{n}" for n in names), *(f"1024x768/{n}" for n in names))
    with pytest.raises(ValueError, match=r"10 × 2 files in the image folder.*1024x768/1000447"):
        ingest("koniq10k", tmp_path, tmp_path)


def test_koniq10k_other_table_is_refused(tmp_path: Path) -> None:
    scores = write(
        tmp_path / "koniq10k_scores_and_distributions.csv",
        "image_name,c1,c2,c3,c4,c5,c_total,MOS,SD,MOS_zscore\n1.jpg,0,0,25,73,7,105,3.8,0.5,77\n",
    )
    with pytest.raises(ValueError, match=r"no column 'set'"):
        ingest("koniq10k", tmp_path, scores)


# KADID-10k: grouped by the reference picture, whose own files are not rated.


def test_kadid10k_references_stay_together(tmp_path: Path) -> None:
    rows, names = [], []
    for reference in range(1, 11):
        for level in range(1, 5):
            name = f"I{reference:02d}_01_{level:02d}.png"
            names.append(name)
            rows.append(f"{name},I{reference:02d}.png,{5 - level}.57,0.496\n")
    write(tmp_path / "dmos.csv", "dist_img,ref_img,dmos,var\n" + "".join(rows))
    references = [f"I{reference:02d}.png" for reference in range(1, 11)]
    write_images(tmp_path / "images", *names, *references)

    images, quarantine = ingest("kadid10k", tmp_path, tmp_path / "dmos.csv")

    assert len(images) == 40
    assert (images.groupby("group")["split"].nunique() == 1).all()
    assert images["split"].value_counts().to_dict() == {"train": 24, "validation": 8, "test": 8}
    assert images.loc["images/I01_01_01.png", "score"] == 4.57
    assert set(quarantine) == {f"images/{name}" for name in references}


# SPAQ: an Excel workbook.


@needs_openpyxl
def test_spaq(tmp_path: Path) -> None:
    names = [f"{number:05d}.jpg" for number in range(1, 21)]
    columns = ["Brightness", "Colorfulness", "Contrast", "Noisiness", "Sharpness"]
    table = pd.DataFrame({"Image name": names, "MOS": [2.5 * i + 0.125 for i in range(20)]})
    (tmp_path / "Annotations").mkdir()
    place = tmp_path / "Annotations/MOS and Image attribute scores.xlsx"
    table.assign(**dict.fromkeys(columns, 50.0)).to_excel(place, index=False)
    table.to_excel(tmp_path / "Annotations/Scene category labels.xlsx", index=False)
    write_images(tmp_path / "TestImage", *names)

    images, quarantine = ingest("spaq", tmp_path / "TestImage", tmp_path / "Annotations")

    assert images.loc["00003.jpg", "score"] == 5.125
    assert images["split"].value_counts().to_dict() == {"train": 12, "validation": 4, "test": 4}
    assert quarantine == {}


@needs_openpyxl
def test_spaq_workbook_that_is_none(tmp_path: Path) -> None:
    scores = write(tmp_path / "scores.xlsx", "no workbook")
    with pytest.raises(ValueError, match=r"'scores\.xlsx' cannot be read: "):
        ingest("spaq", tmp_path, scores)


# PARA: a folder per session, two tables that are the official split.


def test_para(tmp_path: Path) -> None:
    header = "sessionId,imageName,semantic,aestheticScore_mean,aestheticScore_std,qualityScore_mean"
    rows = {
        "Train": [f"session{i % 3},iaa_pub{i}_.jpg,portrait,3.{i:02d},0.4,1.0" for i in range(15)],
        "Test": [f"session{i % 3},iaa_pub{i}_.jpg,scene,2.{i},0.4,1.0" for i in range(20, 24)],
    }
    for split, lines in rows.items():
        text = "\n".join([header, *lines])
        write(tmp_path / f"annotation/PARA-Giaa{split}.csv", text + "\n")
    write(tmp_path / "annotation/PARA-Images.csv", "sessionId,imageName,userId\n")
    write_images(
        tmp_path / "imgs",
        *(f"session{i % 3}/iaa_pub{i}_.jpg" for i in [*range(15), *range(20, 24)]),
    )

    for folder, start in ((tmp_path, "imgs/"), (tmp_path / "imgs", "")):
        images, quarantine = ingest("para", folder, tmp_path / "annotation")
        assert images["split"].value_counts().to_dict() == {"train": 12, "test": 4, "validation": 3}
        assert images.loc[f"{start}session2/iaa_pub20_.jpg", "score"] == 2.20
        assert images.loc[f"{start}session2/iaa_pub20_.jpg", "split"] == "test"
        assert quarantine == {}


# EVA: one row per vote, separated by `=`, names without a suffix.


def eva(root: Path, votes: dict[str, list[str]]) -> Path:
    rows = [
        f"{image}=E{user}={vote}=3=3=2=3=3=12.5=1=0=0=1"
        for image, scores in votes.items()
        for user, vote in enumerate(scores)
    ]
    header = "image_id=user_id=score=difficulty=visual=composition=quality=semantic=vote_time"
    return write(root / "data/votes_filtered.csv", "\n".join([header + "=1=2=3=4", *rows]) + "\n")


def test_eva_mean_of_votes(tmp_path: Path) -> None:
    votes = {f"{1500 + i}": [str(i % 8), str(i % 8 + 1), "10"] for i in range(20)}
    scores = eva(tmp_path, votes)
    write_images(tmp_path / "images/EVA_together", *(f"{image}.jpg" for image in votes))
    images, quarantine = ingest("eva", tmp_path / "images", scores)
    assert len(images) == 20
    assert images.loc["EVA_together/1502.jpg", "score"] == (2 + 3 + 10) / 3
    assert quarantine == {}


def test_eva_wrong_vote_is_not_averaged_away(tmp_path: Path) -> None:
    votes = {f"{i}": ["4", str(i % 9)] for i in range(20)}
    votes |= {"90": ["4", "99"], "91": ["4", "good"], "92": ["", "4"], "": ["4"]}
    scores = eva(tmp_path, votes)
    write_images(tmp_path, *(f"{image}.jpg" for image in votes if image))
    _, quarantine = ingest("eva", tmp_path, scores)
    assert quarantine == {
        "90": "score is outside 0 to 10: 99",
        "91": "score 'good' is not a number",
        "92": "score 'missing vote' is not a number",
        "": "no image name",
    }


def test_eva_other_table_is_refused(tmp_path: Path) -> None:
    scores = write(tmp_path / "votes.csv", "image,score\na,1\n")
    with pytest.raises(ValueError, match=r"no column image_id and score: is it EVA's"):
        ingest("eva", tmp_path, scores)


# AGIQA-3K: prompts with commas, and the images of one prompt belong together.


def test_agiqa3k_prompts_stay_together(tmp_path: Path) -> None:
    header = "name,prompt,adj1,adj2,style,mos_quality,std_quality,mos_align,std_align"
    models = ["AttnGAN_normal", "glide_lowcorr", "midjourney_normal"]
    rows, names = [header], []
    for number in range(30):
        name = f"{models[number % 3]}_{number // 3:03d}.jpg"
        names.append(name)
        prompt = f'"statue of a man {number // 3}, extremely detailed, 8k"'
        rows.append(f"{name},{prompt},,extremely detailed,,{number / 7},0.6,4.2,0.3")
    write(tmp_path / "data.csv", "\n".join(rows) + "\n")
    write_images(tmp_path / "images", *names)

    images, quarantine = ingest("agiqa3k", tmp_path / "images", tmp_path)

    assert len(images) == 30
    assert images["group"].nunique() == 10
    assert (images.groupby("group")["split"].nunique() == 1).all()
    assert images.loc["midjourney_normal_000.jpg", "score"] == 2 / 7
    assert quarantine == {}


# FGrade: folders are grades, names begin with the tomato, the shipped split shares tomatoes.


def fgrade(root: Path) -> list[str]:
    """Ten tomatoes on five days each, as they lie in the repository."""
    tomatoes = ["", "a", "b", "Aa", "Bb", "Aaa", "AAaa", "BAaa", "Mn", "Nm"]
    places = [
        f"{'Testing_set' if day == 3 else 'Training_set'}/{2 * day - 1}/{tomato}{10 * day:03d}.jpg"
        for tomato in tomatoes
        for day in range(1, 6)
    ]
    write_images(root / "data", *places)
    write_images(root / "img", "class.png")
    write(root / "data/Training_set/1/Thumbs.db", "left by a file manager")
    return places


@pytest.mark.parametrize("named", ["data", "."], ids=["its folder data", "the repository"])
def test_fgrade_is_split_by_tomato(
    named: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    places = fgrade(tmp_path)
    images, quarantine = ingest("fgrade", tmp_path / named, tmp_path / named)
    above = "data/" if named == "." else ""
    assert set(images.index) == {above + place for place in places}
    assert images["group"].nunique() == 10
    assert (images.groupby("group")["split"].nunique() == 1).all()
    assert images["split"].value_counts().to_dict() == {"train": 30, "validation": 10, "test": 10}
    # 10 is fresh, and tomatoes are told apart by case.
    assert images.loc[f"{above}Training_set/9/AAaa050.jpg", "score"] == 1
    assert images.loc[f"{above}Training_set/1/010.jpg", "score"] == 9
    assert quarantine == ({} if named == "data" else {"img/class.png": "not in the score table"})
    assert "its split is not used: 10 of the tomatoes are on both sides" in caplog.text
    assert "the split is drawn; 10 groups" in caplog.text


def test_fgrade_a_photograph_without_its_tomato_is_named(tmp_path: Path) -> None:
    fgrade(tmp_path)
    write_images(tmp_path / "data", "Training_set/4/IMG_2041.jpg")
    with pytest.raises(
        ValueError, match=r"'Training_set/4/IMG_2041\.jpg' does not say which tomato"
    ):
        ingest("fgrade", tmp_path / "data", tmp_path / "data")


# All of them.


def test_every_module_is_registered() -> None:
    modules = {module.name for module in pkgutil.iter_modules(formats.__path__)}
    helpers = {"bradley_terry", "columns", "decimals", "delimited", "format", "text", "workbook"}
    assert modules - helpers - {"preferences", "table"} == set(formats.PUBLISHED)


@pytest.mark.parametrize(("name", "format"), formats.PUBLISHED.items())
def test_published_formats_are_described(name: str, format: Format) -> None:
    assert {"image", "score"} <= set(format.columns) <= {"image", "score", "split", "group"}
    assert format.score_range is not None
    assert format.score_range[0] < format.score_range[1]
    assert f"{format.score_range[0]}-{format.score_range[1]}" in format.unit
    assert format.unit.lower().startswith(name[:3])


@pytest.mark.parametrize("name", formats.PUBLISHED)
def test_wrong_place_is_named(name: str, tmp_path: Path) -> None:
    write(tmp_path / "notes.txt", "nothing here")
    with pytest.raises(ValueError, match=r"There is no file '.+' in '.+images\.scores"):
        ingest(name, tmp_path, tmp_path)


def test_table_wants_a_table(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"There is no table in .*Name the table itself"):
        ingest("table", tmp_path, tmp_path)


TWENTY = [f"{number:02d}.png" for number in range(20)]


@pytest.mark.parametrize("listed", [True, False], ids=["a list", "a folder"])
def test_tables_of_the_splits_are_read_together(listed: bool, tmp_path: Path) -> None:
    for split, names in (("train", TWENTY[:12]), ("test", TWENTY[12:])):
        lines = [f"{name};{place},5" for place, name in enumerate(names)]
        write(tmp_path / f"tables/my_{split}_scores.csv", "\n".join(["image;score", *lines]))
    write(tmp_path / "tables/notes.md", "no table")
    files = [str(tmp_path / f"tables/my_{split}_scores.csv") for split in ("train", "test")]
    scores: Any = files if listed else str(tmp_path / "tables")
    rows = read_scores(ScoreFilesDataset(filepath=scores).load(), SETTINGS)[0]
    assert len(rows) == 20
    assert set(rows.loc[rows["split"] == "test", "path"]) == set(TWENTY[12:])
    assert sorted(rows["score"]) == sorted(n + 0.5 for n in (*range(12), *range(8)))


def test_tables_whose_names_say_no_split_have_it_drawn(tmp_path: Path) -> None:
    for part, names in (("a", TWENTY[:10]), ("test", TWENTY[10:])):
        write(tmp_path / f"{part}.csv", "\n".join(["image,score", *(f"{n},1" for n in names)]))
    files = ScoreFilesDataset(filepath=str(tmp_path)).load()
    assert set(read_scores(files, SETTINGS)[0]["split"]) == {""}


def test_a_table_that_differs_from_the_others_is_named(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", "image,score,group\na.png,1,x\n")
    write(tmp_path / "test.csv", "image,score\nb.png,1\n")
    files = ScoreFilesDataset(filepath=str(tmp_path)).load()
    with pytest.raises(ValueError, match=r"'test\.csv' has no column 'group'; its columns are: im"):
        read_scores(files, SETTINGS)


def test_what_excel_writes_in_half_of_europe(
    tmp_path: Path, image_folder: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    lines = [f"{name};{place},125" for place, name in enumerate(TWENTY)]
    text = "\ufeffimage; score\r\n" + "\r\n".join([*lines, "gone.png;k. A.", ""])
    images, quarantine = ingest("table", image_folder(*TWENTY), write(tmp_path / "a.csv", text))
    assert images["score"].tolist() == [place + 0.125 for place in range(20)]
    assert quarantine == {"gone.png": "score 'k. A.' is not a number"}
    assert "a.csv: 21 rows, separator ';', UTF-8 with BOM, decimal commas; columns" in caplog.text


@pytest.mark.parametrize(
    ("content", "scores"),
    [
        ("image\tscore\na\t4,5\nb\t1,125\n", [4.5, 1.125]),
        ('image,score\na,"4,5"\nb,2\n', [4.5, 2]),
        ("image;score\na;1,125\nb;,5\n", [1.125, 0.5]),
        # Both kinds: no guess is made.
        ("image;score\na;4,5\nb;4.5\n", [None, 4.5]),
        ("image;score\na;1,234,567\nb;4,5\n", [None, None]),
    ],
)
def test_decimal_commas_are_recognised_where_they_are_sure(
    content: str, scores: list[float | None], tmp_path: Path
) -> None:
    files = ScoreFilesDataset(filepath=str(write(tmp_path / "a.csv", content))).load()
    table = (
        formats.chosen("table", vars(SETTINGS.columns), "points", None, SETTINGS.comparisons)
        .read(files)
        .rows
    )
    found = pd.to_numeric(table["score"], errors="coerce").astype(float)
    assert [None if pd.isna(score) else score for score in found] == scores


def test_a_comma_that_may_stand_between_thousands_is_asked_about(tmp_path: Path) -> None:
    files = ScoreFilesDataset(
        filepath=str(write(tmp_path / "a.tsv", "image\tscore\na\t1,234\nb\t12\n"))
    ).load()
    with pytest.raises(ValueError, match=r"'1,234' may be 1\.234 or 1234: write"):
        read_scores(files, SETTINGS)


def test_a_column_may_be_named_by_a_number_but_not_twice(tmp_path: Path) -> None:
    scores = write(tmp_path / "a.csv", "image,2019,2020,2020\na,1,2,3\n")
    files = ScoreFilesDataset(filepath=str(scores)).load()
    described = formats.table.described(vars(Columns("image", 2019, None, None, None)), "", None)  # type: ignore[arg-type]
    assert described.read(files).rows[described.columns["score"]].tolist() == ["1"]
    twice = formats.table.described({"image": "image", "score": "2020"}, "", None)
    with pytest.raises(ValueError, match="it has two columns '2020'"):
        twice.read(files)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_table_with_columns_of_any_name(
    suffix: str, tmp_path: Path, image_folder: Callable[..., Path]
) -> None:
    names = [f"{number:02d}.png" for number in range(20)]
    table = pd.DataFrame(
        {"Bild": names, "Note": range(20), "Fotograf": [f"p{number // 4}" for number in range(20)]}
    )
    stream = io.BytesIO()
    if suffix == ".csv":
        table.to_csv(stream, index=False)
    elif suffix == ".jsonl":
        table.to_json(stream, orient="records", lines=True)
    else:
        table.to_parquet(stream)
    (tmp_path / f"scores{suffix}").write_bytes(stream.getvalue())
    columns = Columns("Bild", "Note", None, "Fotograf", None)

    images, quarantine = ingest(
        "table", image_folder(*names), tmp_path / f"scores{suffix}", columns=columns
    )

    assert list(images["score"]) == list(range(20))
    assert (images.groupby("group")["split"].nunique() == 1).all()
    assert quarantine == {}
