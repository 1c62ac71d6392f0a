"""The lineage is the kept one: no node, edge, dataset type or parameter changes unnoticed."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

import pytest
from kedro.framework.startup import bootstrap_project

from tests.lineage_snapshot import KEPT, RENEW, of_project


@pytest.fixture
def snapshot(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    yield of_project(project)
    bootstrap_project(project)


def test_the_lineage_is_the_kept_one(snapshot: str) -> None:
    kept = KEPT.read_text(encoding="utf-8")
    changes = difflib.unified_diff(kept.splitlines(), snapshot.splitlines(), lineterm="", n=0)
    difference = "\n".join(changes)
    assert not difference, f"If the lineage is to change, keep the new one: {RENEW}\n{difference}"
