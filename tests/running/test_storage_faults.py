"""Errors of the system become a file and a remedy."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
import torch
from kedro.io import DatasetError
from kedro_datasets.json import JSONDataset
from small_files import small_files

from selfscore.datasets.adapter import AdapterDataset
from selfscore.datasets.whole_files import write_whole_files
from selfscore.running.storage_faults import explain
from selfscore.vlm.policy import LoraAdapter


def test_a_table_or_json(tmp_path: Path) -> None:
    write_whole_files()
    with small_files(), pytest.raises(DatasetError) as caught:
        JSONDataset(filepath=str(tmp_path / "a.json")).save({"a": "x" * 10_000})
    words = explain(caught.value)
    assert words is not None
    assert words.startswith(f"A file may not be that large: '{tmp_path / 'a.json'}'.")
    assert "ulimit" in words


def test_a_library_that_is_not_written_in_python(tmp_path: Path) -> None:
    place = tmp_path / "adapter"
    adapter = LoraAdapter({"r": 1}, {"a.lora_A.weight": torch.zeros(100, 100)})
    with small_files(), pytest.raises(DatasetError) as caught:
        AdapterDataset(filepath=str(place)).save(adapter)
    words = explain(caught.value)
    assert words is not None
    assert words.startswith(f"A file may not be that large: '{place}'.")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "The disk is full: '/a/b'. Make room"),
        (errno.EDQUOT, "Your share of the disk is used up: '/a/b'. Make room"),
        (errno.EROFS, "The disk can only be read: '/a/b'. Have it mounted"),
        (errno.EACCES, "Permission denied: '/a/b'. Give"),
    ],
)
def test_every_fault_has_a_remedy(number: int, words: str) -> None:
    error = RuntimeError("it failed")
    error.__cause__ = OSError(number, os.strerror(number), "/a/b")
    assert (explain(error) or "").startswith(words)


def test_other_errors_are_left_alone() -> None:
    assert explain(ValueError("There is no column 'score'.")) is None
    assert explain(FileNotFoundError(errno.ENOENT, "No such file", "/a")) is None
