from __future__ import annotations

import pytest
from kedro.pipeline import Node, Pipeline

from selfscore.provenance.progress import Progress, duration


def work(x: int) -> int:
    return x


def test_nodes_that_load_a_model_are_said_with_their_place(
    caplog: pytest.LogCaptureFixture,
) -> None:
    steps = [
        Node(work, "w", "x", name="quick", tags="cpu"),
        Node(work, "x", "y", name="one", tags="gpu"),
        Node(work, "y", "z", name="two", tags=["gpu", "merging"]),
    ]
    pipeline = Pipeline(steps)
    caplog.set_level("INFO", logger="selfscore.provenance")
    progress = Progress(pipeline)
    for node in pipeline.nodes:
        progress.begins(node)
    progress.ends()
    said = [record.getMessage() for record in caplog.records]
    last = "All 3 steps done in 0.0 s."
    assert said == ["[2/3] one", "[3/3] two", last]


def test_durations_in_words() -> None:
    found = [duration(seconds) for seconds in (0.44, 12.2, 204.0, 5600.0)]
    assert found == ["0.4 s", "12 s", "3.4 min", "1.6 h"]
