"""Attributes of a small tree in PARA's format, from its files to the truth of a text."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from selfscore.datasets.attributes import AttributesDataset
from selfscore.metrics.faithfulness import StatementLexicon, faithfulness
from selfscore.pipelines.baseline.nodes import match_attributes

COLUMNS = "sessionId,imageName,aestheticScore_mean,colorScore_mean,lightScore_mean"
LEXICON: list[dict[str, Any]] = [
    {"phrase": "harmonious colours", "attribute": "colorScore_mean", "low": 3.5, "high": 5},
    {"phrase": "dull colours", "attribute": "colorScore_mean", "low": 1, "high": 2.5},
    {"phrase": "well lit", "attribute": "lightScore_mean", "low": 3.5, "high": 5},
]
TEXT = "It has harmonious colours and is well lit."


@pytest.fixture
def para(tmp_path: Path) -> pd.DataFrame:
    rows = {
        "PARA-GiaaTrain.csv": ["session1,iaa_pub1_.jpg,4.1,4.5,2.0", "session1,iaa_pub2_.jpg,2,2,"],
        "PARA-GiaaTest.csv": ["session2,iaa_pub3_.jpg,3.0,1.5,4.0"],
    }
    for name, lines in rows.items():
        (tmp_path / name).write_text("\n".join([COLUMNS, *lines]) + "\n")
    return AttributesDataset(filepath=str(tmp_path)).load()


def images(*names: str) -> pd.DataFrame:
    return pd.DataFrame({"image_id": names, "path": [f"{name}.jpg" for name in names]})


def test_a_text_is_held_against_paras_attributes(
    para: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    shown = images("session1/iaa_pub1_", "session1/iaa_pub2_", "session2/iaa_pub3_", "other")
    with caplog.at_level(logging.INFO):
        known = match_attributes(shown, para, LEXICON)
    assert "checked on 3 of 4 images, by aestheticScore_mean, colorScore_mean" in caplog.text
    told = known.set_index("image_id").to_dict("index")
    lexicon = StatementLexicon(LEXICON)
    assert faithfulness(TEXT, told["session1/iaa_pub1_"], lexicon) == 0.5
    # Of its light nothing is known.
    assert faithfulness(TEXT, told["session1/iaa_pub2_"], lexicon) == 0.0
    assert faithfulness("Well lit.", told["session1/iaa_pub2_"], lexicon) is None
    assert faithfulness("Dull colours, well lit.", told["session2/iaa_pub3_"], lexicon) == 1.0


def test_a_lexicon_of_other_attributes_is_refused(para: pd.DataFrame) -> None:
    other = [{"phrase": "blurred", "attribute": "blur", "low": 0.5, "high": 1}]
    with pytest.raises(ValueError, match="is about blur.*truth.lexicon") as raised:
        match_attributes(images("session1/iaa_pub1_"), para, other)
    assert "lightScore_mean" in str(raised.value)


def test_of_other_images_nothing_is_known(
    para: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    other = [{"phrase": "blurred", "attribute": "blur", "low": 0.5, "high": 1}]
    with caplog.at_level(logging.INFO):
        known = match_attributes(images("mine"), para, other)
    assert known.empty and list(known)[0] == "image_id"
    assert "No image is in the table of attributes" in caplog.text
