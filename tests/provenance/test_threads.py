"""Nodes that are run in threads: each keeps its own work in progress, and goes on with it."""

from __future__ import annotations

import threading
from collections.abc import MutableMapping
from pathlib import Path

import pytest
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from kedro.runner import ThreadRunner
from kedro_datasets.json import JSONDataset

from selfscore.datasets.checkpoint import CheckpointDataset
from selfscore.provenance.hook import ProvenanceHooks

ROWS = 4


class KilledError(Exception):
    pass


class Project:
    """Two nodes that count side by side; `slow` may be stopped half-way."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.done: list[str] = []

    def run(self, most: int = ROWS) -> None:
        both_began = threading.Barrier(2, timeout=20)
        self.done = []

        def count(name: str, most: int, checkpoint: MutableMapping[str, bytes]) -> list[int]:
            both_began.wait()
            for row in range(ROWS):
                if str(row) not in checkpoint:
                    if row == most:
                        raise KilledError
                    self.done.append(f"{name} {row}")
                    checkpoint[str(row)] = str(row).encode()
            return [int(checkpoint[str(row)]) for row in range(ROWS)]

        def fast(checkpoint: MutableMapping[str, bytes]) -> list[int]:
            return count("fast", ROWS, checkpoint)

        def slow(checkpoint: MutableMapping[str, bytes]) -> list[int]:
            return count("slow", most, checkpoint)

        catalog = DataCatalog(
            {
                "checkpoints": CheckpointDataset(filepath=str(self.folder / "work")),
                "of_fast": JSONDataset(filepath=str(self.folder / "fast.json")),
                "of_slow": JSONDataset(filepath=str(self.folder / "slow.json")),
            }
        )
        nodes = [
            Node(fast, "checkpoints", "of_fast", name="fast"),
            Node(slow, "checkpoints", "of_slow", name="slow"),
        ]
        hooks = _create_hook_manager()
        hooks.register(ProvenanceHooks())
        ThreadRunner(max_workers=2).run(Pipeline(nodes), catalog, hooks)


def test_a_node_that_was_stopped_goes_on_with_its_own_rows(tmp_path: Path) -> None:
    project = Project(tmp_path)
    with pytest.raises(KilledError):
        project.run(most=2)
    assert sorted(project.done) == [*(f"fast {row}" for row in range(ROWS)), "slow 0", "slow 1"]
    assert (tmp_path / "fast.json").exists() and not (tmp_path / "slow.json").exists()
    project.run()
    # What was stored is finished, and its work in progress is gone.
    assert [row for row in project.done if row.startswith("slow")] == ["slow 2", "slow 3"]
    assert not list((tmp_path / "work").rglob("parts"))
