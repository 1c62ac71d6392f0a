"""docs/one_round.md names files and what is in them: all of it is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

FILE = r"`([a-z_]+(?:/[a-z_0-9]+)*\.py)`"


@pytest.fixture
def page(project: Path) -> str:
    return (project / "docs" / "one_round.md").read_text(encoding="utf-8")


def defined(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }


def test_every_file_is_there(project: Path, page: str) -> None:
    files = re.findall(FILE, page)
    assert len(set(files)) > 20
    assert [file for file in files if not (project / "src/selfscore" / file).is_file()] == []


def test_every_function_and_class_is_in_the_file_it_is_named_with(project: Path, page: str) -> None:
    names = re.findall(rf"{FILE}(?:,| \|)\s+`(\w+)`((?:, `\w+`)*)", page)
    pairs = [
        (file, name) for file, first, more in names for name in [first, *re.findall(r"\w+", more)]
    ]
    assert len(pairs) > 25
    missing = [
        f"{name} in {file}"
        for file, name in pairs
        if name not in defined(project / "src/selfscore" / file)
    ]
    assert missing == []
