from pathlib import Path

import pandas as pd
import pytest
from kedro.io import DatasetError

from selfscore.datasets.attributes import AttributesDataset

PARA = "sessionId,imageName,aestheticScore_mean,colorScore_mean,dofScore_mean,semantic\n"


@pytest.fixture
def para(tmp_path: Path) -> Path:
    """A small tree as PARA's: annotations, and the pictures of two sessions."""
    annotation = tmp_path / "annotation"
    annotation.mkdir()
    (annotation / "PARA-GiaaTrain.csv").write_text(
        f"{PARA}session1,iaa_pub1_.jpg,3.1,2.5,,food\nsession2,iaa_pub2_.jpg,4.0,4.5,3.5,animal\n"
    )
    (annotation / "PARA-GiaaTest.csv").write_text(
        f"{PARA}session1,iaa_pub3_.jpg,2.0,1.5,2.0,scene\n"
    )
    # What else lies there, with a row a rater.
    (annotation / "PARA-UserInfo.csv").write_text("userId,age\nA1,33\n")
    return annotation


def test_paras_attributes_are_read_as_it_is_published(para: Path) -> None:
    table = AttributesDataset(filepath=str(para)).load()
    assert table["image_id"].tolist() == [
        *("session1/iaa_pub1_.jpg", "session2/iaa_pub2_.jpg", "session1/iaa_pub3_.jpg")
    ]
    assert table.columns[1:].tolist() == [
        *("aestheticScore_mean", "colorScore_mean", "dofScore_mean")
    ]
    assert table["dofScore_mean"].isna().tolist() == [True, False, False]


def test_spaqs_attributes_are_read_as_it_is_published(tmp_path: Path) -> None:
    table = pd.DataFrame({"Image name": ["00001.jpg"], "MOS": [54.0], "Noisiness": [61.5]})
    table.to_excel(tmp_path / "MOS and Image attribute scores.xlsx", index=False)
    found = AttributesDataset(filepath=str(tmp_path)).load()
    assert found.to_dict("records") == [{"image_id": "00001.jpg", "MOS": 54, "Noisiness": 61.5}]


@pytest.mark.parametrize("name", ["own.csv", "own.parquet"])
def test_a_table_of_ones_own(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    if name == "own.csv":
        file.write_text("Image;blur;note\na.jpg;0,5;soft\nb.jpg;;\n")
    else:
        rows = {"Image": ["a.jpg", "b.jpg"], "blur": [0.5, None], "note": ["soft", None]}
        pd.DataFrame(rows).to_parquet(file)
    found = AttributesDataset(filepath=str(file)).load()
    assert list(found) == ["image_id", "blur"]
    assert found["blur"].iloc[0] == 0.5 and pd.isna(found["blur"].iloc[1])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("picture,blur\na,0.5\n", "has no column image_id"),
        ("image,blur\na,very\n", "holds numbers alone"),
    ],
)
def test_a_table_that_says_nothing_is_named(tmp_path: Path, content: str, told: str) -> None:
    file = tmp_path / "own.csv"
    file.write_text(content)
    with pytest.raises(DatasetError, match=told) as raised:
        AttributesDataset(filepath=str(file)).load()
    assert "truth.severities" in str(raised.value)


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="do not exist. Name yours as `truth.severities`"):
        AttributesDataset(filepath=str(tmp_path / "none.csv")).load()
