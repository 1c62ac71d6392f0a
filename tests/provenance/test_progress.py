from __future__ import annotations

import pytest
from kedro.pipeline import Node, Pipeline

from selfscore.provenance.progress import Progress, duration


def work(x: int) -> int:
    return x


def test_nodes_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    opening = Node(lambda: 0, None, "a.checkpoints", name="opening")
    steps = [Node(work, "x", "y", name="one"), Node(work, "y", "z", name="two")]
    pipeline = Pipeline([*steps, opening])
    caplog.set_level("INFO", logger="selfscore.provenance")
    progress = Progress(pipeline)
    for node in pipeline.nodes:
        progress.begins(node)
    progress.ends()
    said = [record.getMessage() for record in caplog.records]
    last = "All 3 steps done in 0.0 s."
    assert [line.partition(" ")[2] for line in said] == ["one", "two", last.partition(" ")[2]]
    assert said[-1] == last and said[0].endswith("/3] one")


def test_durations_in_words() -> None:
    found = [duration(seconds) for seconds in (0.44, 12.2, 204.0, 5600.0)]
    assert found == ["0.4 s", "12 s", "3.4 min", "1.6 h"]
