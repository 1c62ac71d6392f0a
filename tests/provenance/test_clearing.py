"""The next run begins by removing what a killed one left."""

from __future__ import annotations

from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from selfscore.datasets.checkpoint import CheckpointDataset
from selfscore.pipelines.checkpoints import with_checkpoints
from selfscore.provenance.clearing import clear


def test_the_next_run_removes_what_a_killed_one_left(tiny, caplog) -> None:
    caplog.set_level("INFO")
    tiny.run()
    data = tiny.root / "data"
    before = set(data.rglob("*"))
    # As of a process that was killed while it saved a policy and a table.
    half = data / "policy_1/2026-01-01T09.00.00.000Z/.policy_1.k3_x0a9z"
    half.mkdir(parents=True)
    (half / "policy.json").touch()
    (data / "03_primary/.score_scale.json.0123abcd.part").write_bytes(b"half")
    second = tiny.run()
    assert {path for path in data.rglob("*") if second not in path.parts} == before
    assert "Removed 2 half-written files and folders that killed runs left" in caplog.text


def test_of_work_in_progress_only_half_parts_are_removed(tmp_path) -> None:
    group = with_checkpoints(Pipeline([]))
    dataset = CheckpointDataset(filepath=str(tmp_path / "checkpoints"))
    catalog = DataCatalog({"checkpoints": dataset})
    checkpoint = dataset.load()
    checkpoint.claim("explain_forced_levels", "recipe")
    checkpoint["texts/whole"] = b"done"
    # As of a process that was killed while it stored parts of two nodes.
    halves = [
        tmp_path / "checkpoints/explain_forced_levels/parts/texts/.half.0123abcd.part",
        tmp_path / "checkpoints/merge_experts/parts/.half.4567abcd.part",
    ]
    for half in halves:
        half.parent.mkdir(parents=True, exist_ok=True)
        half.write_bytes(b"ha")
    clear(group, catalog)
    assert not [half for half in halves if half.exists()]
    again = dataset.load()
    again.claim("explain_forced_levels", "recipe")
    assert dict(again) == {"texts/whole": b"done"}
