from __future__ import annotations

from pathlib import Path

import pytest
from kedro.io import Version

from selfscore.datasets.texts import TextsDataset

TEXTS = {"guess.xml": "<View>ä</View>", "check.xml": "<View/>"}


@pytest.mark.parametrize("texts", [TEXTS, {}])
def test_texts_come_back_each_from_a_file_of_its_own(texts: dict[str, str], tmp_path: Path) -> None:
    dataset = TextsDataset(filepath=str(tmp_path / "texts"))
    assert not dataset.exists()
    dataset.save(texts)
    assert dataset.exists() and dataset.load() == texts
    for name, text in texts.items():
        assert (tmp_path / "texts" / name).read_text("utf-8") == text


def test_those_of_an_earlier_version_stay(tmp_path: Path) -> None:
    place = str(tmp_path / "texts")
    for version, texts in (("1", TEXTS), ("2", {})):
        TextsDataset(filepath=place, version=Version(None, version)).save(texts)
    assert TextsDataset(filepath=place, version=Version("1", None)).load() == TEXTS
    assert TextsDataset(filepath=place, version=Version(None, None)).load() == {}
