from __future__ import annotations

import pytest
from kedro.pipeline import Node, Pipeline

from selfscore.provenance.progress import Progress, duration


def work(x: int) -> int:
    return x


def test_nodes_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    pipeline = Pipeline([Node(work, "x", "y", name="one"), Node(work, "y", "z", name="two")])
    caplog.set_level("INFO", logger="selfscore.provenance")
    progress = Progress(pipeline)
    for node in pipeline.nodes:
        progress.begins(node)
    progress.ends()
    said = [record.getMessage() for record in caplog.records]
    assert said == ["[1/2] one", "[2/2] two", "All 2 steps done in 0.0 s."]


def test_durations_in_words() -> None:
    found = [duration(seconds) for seconds in (0.44, 12.2, 204.0, 5600.0)]
    assert found == ["0.4 s", "12 s", "3.4 min", "1.6 h"]
